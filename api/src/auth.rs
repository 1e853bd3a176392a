//! Access tokens: made at sign-in, checked at every request, and worth only what the database says at that moment.
//!
//! A token names a person and a session (HS256, fifteen minutes at most). Role, status and revocation are looked up
//! in one query per request, so that taking a right away works at once. The time is the application's clock.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use shared::domain::identity::sessions;
use shared::domain::identity::{Authority, Permissions};
use shared::kernel::Error;
use shared::kernel::config::Auth;
use shared::kernel::ids::{SessionId, UserId};
use shared::platform::tx::Origin;

use crate::app::App;
use crate::error::ApiError;
use crate::watch;

/// A longer header is none of ours.
const LONGEST: usize = 4096;

/// Who calls, as of this request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub user: UserId,
    /// By which session.
    pub session: SessionId,
    /// The role's code.
    pub role: String,
    /// What the role, the groups and the grants allow.
    pub permissions: Permissions,
}

impl Caller {
    /// Whether they may do this.
    pub fn can(&self, permission: &str) -> bool {
        self.permissions.can(permission)
    }

    /// On whose word they change rights and accounts.
    pub fn authority(&self) -> Authority {
        Authority { user: Some(self.user), permissions: self.permissions.clone() }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::Unauthenticated("token_missing").into())
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ApiError> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// Who calls with these headers. None: no token. 401: a token that is not ours, is too old, or whose session, account
/// or role has ended.
pub async fn authenticate(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<Option<Caller>, ApiError> {
    let Some(token) = bearer(headers)? else {
        return Ok(None);
    };
    let claims = match app.keys.check(token, app.platform.clock.now()) {
        Ok(claims) => claims,
        Err(error) => {
            if app.keys.is_tampered(token) {
                watch::tampered(app, origin).await;
            }
            return Err(error.into());
        }
    };
    let identity = sessions::identify(&mut *app.db().await?, claims.sid, claims.sub).await?;
    let identity = identity.ok_or(Error::Unauthenticated("session_ended"))?;
    Ok(Some(Caller {
        user: identity.user,
        session: identity.session,
        role: identity.role,
        permissions: identity.permissions,
    }))
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value.to_str().ok().filter(|text| text.len() <= LONGEST).and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.map(Some).ok_or(Error::Unauthenticated("token_invalid"))
}

/// What a token says. Every claim is required and of this type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who.
    pub sub: UserId,
    /// By which session.
    pub sid: SessionId,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// What tokens are made and checked with.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    issuer: String,
    audience: String,
    term: Duration,
}

impl Keys {
    /// Keys from the configuration.
    pub fn new(config: &Auth) -> Self {
        let secret = config.jwt_secret.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.leeway = 0; // we make what we check: nothing to forgive
        validation.validate_exp = false; // by the application's clock, in `check`
        Self(Arc::new(Inner {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            term: Duration::seconds(config.access_ttl.as_secs() as i64),
        }))
    }

    /// A token, and until when it works.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), Error> {
        let expires_at = now + self.0.term;
        let claims = Claims {
            sub: user,
            sid: session,
            iss: self.0.issuer.clone(),
            aud: self.0.audience.clone(),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.0.encoding);
        Ok((token.map_err(Error::internal)?, expires_at))
    }

    /// Whether a token that does not count says that it is ours: nobody but a forger makes such a one.
    fn is_tampered(&self, token: &str) -> bool {
        let forged = jsonwebtoken::decode::<Claims>(token, &self.0.decoding, &self.0.validation).is_err();
        let said = || token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims = |said: Vec<u8>| serde_json::from_slice::<Claims>(&said).ok();
        forged && said().and_then(claims).is_some_and(|c| c.iss == self.0.issuer && c.aud == self.0.audience)
    }

    /// What a token of ours says; 401 otherwise.
    pub fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Error> {
        let read = jsonwebtoken::decode::<Claims>(token, &self.0.decoding, &self.0.validation);
        let claims = read.map_err(|_| Error::Unauthenticated("token_invalid"))?.claims;
        if claims.exp <= now.timestamp() {
            return Err(Error::Unauthenticated("token_expired"));
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration as Std;

    use shared::kernel::config::Rate;

    use super::*;

    fn keys(secret: &str, audience: &str) -> Keys {
        Keys::new(&Auth {
            jwt_secret: secret.to_owned().into(),
            issuer: "facteur".into(),
            audience: audience.into(),
            access_ttl: Std::from_mins(15),
            session_ttl: Std::from_hours(24),
            activation_required: true,
            limit: Rate { count: 5, per: Std::from_hours(1) },
            argon2_memory_kib: 8,
        })
    }

    #[test]
    fn only_our_own_tokens_count_and_only_for_their_term() {
        let (ours, now) = (keys("0123456789abcdef0123456789abcdef", "users"), DateTime::<Utc>::UNIX_EPOCH);
        let (user, session) = (UserId::new(), SessionId::new());
        let (token, expires_at) = ours.issue(user, session, now).expect("a token");
        let claims = ours.check(&token, now).expect("valid");
        assert_eq!((claims.sub, claims.sid), (user, session));
        let last = expires_at - Duration::seconds(1);
        assert!(ours.check(&token, last).is_ok(), "to its last second");
        assert!(ours.check(&token, expires_at).is_err(), "expired");
        assert!(keys("another secret of thirty-two byte", "users").check(&token, now).is_err(), "another key");
        assert!(keys("0123456789abcdef0123456789abcdef", "others").check(&token, now).is_err(), "another audience");
    }

    #[test]
    fn the_algorithm_is_ours_to_choose() {
        let (ours, now) = (keys("0123456789abcdef0123456789abcdef", "users"), DateTime::<Utc>::UNIX_EPOCH);
        let (token, _) = ours.issue(UserId::new(), SessionId::new(), now).expect("a token");
        let claims = ours.check(&token, now).expect("valid");
        let other = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims, &ours.0.encoding).expect("a token");
        assert!(ours.check(&other, now).is_err());
        let body = token.split('.').nth(1).expect("three parts");
        assert!(ours.check(&format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{body}."), now).is_err());
    }
}
