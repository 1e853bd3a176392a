//! Where stored files lie.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::{Env, Reader, is_safe_origin};

/// The longest that a signed address may work: S3 allows its own no longer.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// Stored files.
#[derive(Clone, Debug)]
pub struct Files {
    /// `FILES_URL`: a folder, or a bucket of S3 and what speaks like it.
    pub place: FilePlace,
    /// `FILE_URL_TTL`: how long a signed address works, default 15 minutes, at most 7 days.
    pub url_ttl: Duration,
}

/// Where the bytes are.
#[derive(Clone, Debug)]
pub enum FilePlace {
    /// `file:///srv/facteur/files`; every process of the installation must see the same folder.
    Folder(PathBuf),
    /// `s3://bucket/prefix`.
    S3 {
        /// The bucket.
        bucket: String,
        /// What every key begins with; may be empty.
        prefix: String,
        /// The `AWS_…` variables that are set, by name.
        options: Vec<(&'static str, SecretString)>,
    },
}

/// What S3 clients usually read from the environment: keys, region, another server, roles of containers and pods.
const AWS: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ALLOW_HTTP",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// Reads it. Outside production a folder beside the checkout will do; production says where, for it must last.
pub(super) fn files(r: &mut Reader, env: Env) -> Files {
    let url_ttl = r.duration("FILE_URL_TTL", Duration::from_mins(15));
    if url_ttl.is_zero() || url_ttl > LONGEST {
        r.problem("FILE_URL_TTL", "must be more than nothing and at most 7d");
    }
    let hint = "where files are kept: file:///srv/facteur/files, or s3://bucket/prefix";
    let url = if env == Env::Production { r.required("FILES_URL", hint) } else { r.or("FILES_URL", "") };
    let place = match url.split_once("://") {
        None if url.is_empty() => FilePlace::Folder(".dev/files".into()),
        Some(("file", path)) if path.starts_with('/') => FilePlace::Folder(path.into()),
        Some(("s3", place)) if !place.starts_with('/') && !place.is_empty() => s3(r, place),
        _ => {
            r.problem(
                "FILES_URL",
                format!("is `{url}`, should look like file:///srv/facteur/files or s3://bucket/prefix"),
            );
            FilePlace::Folder(".dev/files".into())
        }
    };
    Files { place, url_ttl }
}

fn s3(r: &mut Reader, place: &str) -> FilePlace {
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let options: Vec<_> = AWS.into_iter().filter_map(|name| Some((name, r.secret(name)?))).collect();
    let (id, key) = (r.secret("AWS_ACCESS_KEY_ID").is_some(), r.secret("AWS_SECRET_ACCESS_KEY").is_some());
    if id != key {
        let missing = if id { "AWS_SECRET_ACCESS_KEY" } else { "AWS_ACCESS_KEY_ID" };
        r.problem(missing, "is missing: the two keys of S3 come together");
    }
    let in_the_clear = r.flag("AWS_ALLOW_HTTP", false);
    if let Some(endpoint) = r.text("AWS_ENDPOINT_URL")
        && !(is_safe_origin(endpoint.trim_end_matches('/')) || (in_the_clear && endpoint.starts_with("http://")))
    {
        r.problem(
            "AWS_ENDPOINT_URL",
            "must be https://host; http:// only to this machine, or with AWS_ALLOW_HTTP=true",
        );
    }
    FilePlace::S3 { bucket: bucket.into(), prefix: prefix.trim_matches('/').into(), options }
}
