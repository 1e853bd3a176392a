//! Mail and dashboard templates: Handlebars sources compiled into the binary, checked once at start.
//!
//! `worker/jobs/send_email.rs` asks for a [`RenderedMail`], the dashboard asks for a page; nobody else sees Handlebars.
//! A mail is a folder `templates/email/<name>/` with `subject.txt`, `body.txt` and `body.html` (each `.hbs`) for every
//! locale, and a `sample.json`. Partials are the files that begin with `_`: `email/_layout.html.hbs` is called
//! `layout` in HTML bodies, `email/_layout.txt.hbs` is called `layout` in texts, `admin/_nav.hbs` is called `_nav`.
//!
//! Registries part what must not meet: everything HTML is escaped, subjects and texts are not; pages of the dashboard
//! stand in one in English and in another in French, made of the same files ([`french`]).
//! All are strict: a variable that is printed and was not passed is an error, never an empty space. What can go wrong:
//! a malformed or missing file stops the process at start, a missing variable fails one mail for good.

pub mod french;
mod helpers;

use std::fmt;
use std::sync::Arc;

use handlebars::Context;
use handlebars::Handlebars;
use handlebars::RenderErrorReason;
use include_dir::Dir;
use include_dir::File;
use include_dir::include_dir;
use serde::Serialize;
use serde_json::Value as Json;

static SOURCES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../templates");

/// The locales every mail is written in; the first is the fallback.
pub const LOCALES: [&str; 2] = ["fr", "en"];

const PARTS: [&str; 3] = ["subject.txt", "body.txt", "body.html"];

/// Longest subject that leaves the house, in characters.
const SUBJECT_MAX: usize = 200;

/// A mail ready to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// One line, free of control characters, at most 200 characters.
    pub subject: String,
    /// The plain text alternative.
    pub text: String,
    /// The HTML alternative; it fetches nothing.
    pub html: String,
}

/// Why a template could not be loaded or rendered; never carries the values that were passed in.
#[derive(Debug)]
pub enum TemplateError {
    /// No such mail or page, or a mail folder that lacks this file.
    Missing(String),
    /// A `.hbs` file in a place or under a name that nothing reads.
    Misplaced(String),
    /// A source that does not parse.
    Malformed(String, Box<handlebars::TemplateError>),
    /// A variable that was not passed, or a value a helper refuses.
    Render(String, Box<handlebars::RenderError>),
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "there is no template `{name}`"),
            Self::Misplaced(path) => write!(f, "templates/{path} is in no place that is read"),
            Self::Malformed(name, cause) => write!(f, "template `{name}` does not parse: {cause}"),
            Self::Render(name, cause) => match cause.reason() {
                RenderErrorReason::MissingVariable(Some(variable)) => {
                    let line = cause.line_no.map(|line| format!(" (line {line})")).unwrap_or_default();
                    write!(f, "template `{name}` does not render: it prints `{variable}`, which its data lacks{line}")
                }
                _ => write!(f, "template `{name}` does not render: {cause}"),
            },
        }
    }
}

impl std::error::Error for TemplateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Missing(_) | Self::Misplaced(_) => None,
            Self::Malformed(_, cause) => Some(&**cause),
            Self::Render(_, cause) => Some(&**cause),
        }
    }
}

/// Every template of the house, parsed; cloning it copies a pointer.
#[derive(Debug, Clone)]
pub struct Templates {
    registries: Arc<Registries>,
}

#[derive(Debug)]
struct Registries {
    html: Handlebars<'static>,
    text: Handlebars<'static>,
    french: Handlebars<'static>,
}

impl Templates {
    /// Parses everything that was compiled in, and checks that each mail is complete in every locale.
    ///
    /// # Errors
    /// A source that does not parse, a file out of place, or a mail folder that lacks a file.
    pub fn embedded() -> Result<Self, TemplateError> {
        let mut registries = Registries { html: registry(), text: registry(), french: registry() };
        registries.text.register_escape_fn(handlebars::no_escape);
        registries.add_all(&SOURCES)?;
        for (name, source) in Self::pages() {
            registries.add_french(name, source)?;
        }
        for mail in Self::mail_names() {
            for locale in LOCALES {
                registries.check_mail(&mail, locale)?;
            }
            Self::sample(&mail).ok_or_else(|| TemplateError::Missing(format!("email/{mail}/sample.json")))?;
        }
        Ok(Self { registries: Arc::new(registries) })
    }

    /// Renders a mail in `locale` (`en`, `en-GB`), or in French when the house does not speak it.
    ///
    /// The templates see the locale that was chosen as `locale`, whatever `vars` said.
    ///
    /// # Errors
    /// An unknown mail, or a printed variable that is not in `vars`.
    pub fn mail(&self, name: &str, locale: &str, vars: &Json) -> Result<RenderedMail, TemplateError> {
        let locale = spoken(locale);
        let mut vars = vars.clone();
        if let Some(vars) = vars.as_object_mut() {
            vars.insert("locale".to_owned(), Json::from(locale));
        }
        let context = Context::from(vars);
        let Registries { html, text, .. } = &*self.registries;
        let folder = format!("email/{name}/{locale}");
        Ok(RenderedMail {
            subject: one_line(&render(text, &format!("{folder}/subject.txt"), &context)?),
            text: render(text, &format!("{folder}/body.txt"), &context)?,
            html: render(html, &format!("{folder}/body.html"), &context)?,
        })
    }

    /// Renders the dashboard page `templates/admin/<name>.hbs`, or its French twin (`fr`).
    ///
    /// # Errors
    /// An unknown page, data that is not serialisable, or a printed variable that is not in `data`.
    pub fn page(&self, name: &str, locale: &str, data: &impl Serialize) -> Result<String, TemplateError> {
        let name = format!("admin/{name}");
        let context = Context::wraps(data).map_err(|cause| TemplateError::Render(name.clone(), Box::new(cause)))?;
        let Registries { html, french, .. } = &*self.registries;
        render(if locale == "fr" { french } else { html }, &name, &context)
    }

    /// The dashboard's pages and their parts, as they are written: name and English source. The page of the API's
    /// documentation is none of them.
    pub fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
        let files = SOURCES.get_dir("admin").into_iter().flat_map(Dir::files);
        let pages = files.filter_map(|file| Some((file.path().file_name()?.to_str()?, file.contents_utf8()?)));
        pages
            .filter_map(|(name, source)| Some((name.strip_suffix(".hbs")?, source)))
            .filter(|(name, _)| *name != "docs")
    }

    /// The names of all mails, sorted.
    #[must_use]
    pub fn mail_names() -> Vec<String> {
        let folders = SOURCES.get_dir("email").into_iter().flat_map(Dir::dirs);
        let mut names: Vec<String> =
            folders.filter_map(|folder| folder.path().file_name()?.to_str().map(str::to_owned)).collect();
        names.sort_unstable();
        names
    }

    /// The example variables of a mail, for previews and the template test.
    #[must_use]
    pub fn sample(name: &str) -> Option<Json> {
        let file = SOURCES.get_file(format!("email/{name}/sample.json"))?;
        serde_json::from_slice(file.contents()).ok().filter(Json::is_object)
    }
}

impl Registries {
    fn add_all(&mut self, folder: &'static Dir<'static>) -> Result<(), TemplateError> {
        for file in folder.files() {
            if file.path().extension().is_some_and(|extension| extension == "hbs") {
                self.add(file)?;
            }
        }
        folder.dirs().try_for_each(|folder| self.add_all(folder))
    }

    fn add(&mut self, file: &'static File<'static>) -> Result<(), TemplateError> {
        // Windows separators are turned round so that names do not depend on the machine that compiled.
        let path = file.path().to_string_lossy().replace('\\', "/");
        let misplaced = || TemplateError::Misplaced(path.clone());
        let source = file.contents_utf8().ok_or_else(misplaced)?;
        let stem = path.strip_suffix(".hbs").ok_or_else(misplaced)?;
        let (registry, name) = match stem.split('/').collect::<Vec<_>>()[..] {
            ["admin", page] if page.starts_with('_') => (&mut self.html, page),
            ["admin", _] => (&mut self.html, stem),
            ["email", partial] => {
                let partial = partial.strip_prefix('_').ok_or_else(misplaced)?;
                match partial.split_once('.') {
                    Some((name, "html")) => (&mut self.html, name),
                    Some((name, "txt")) => (&mut self.text, name),
                    _ => return Err(misplaced()),
                }
            }
            ["email", _, locale, part] if LOCALES.contains(&locale) && PARTS.contains(&part) => {
                (if part == "body.html" { &mut self.html } else { &mut self.text }, stem)
            }
            _ => return Err(misplaced()),
        };
        registry
            .register_template_string(name, source)
            .map_err(|cause| TemplateError::Malformed(path.clone(), Box::new(cause)))
    }

    fn add_french(&mut self, name: &str, source: &str) -> Result<(), TemplateError> {
        let known = if name.starts_with('_') { name.to_owned() } else { format!("admin/{name}") };
        let twin = self.french.register_template_string(&known, french::twin(name, source));
        twin.map_err(|cause| TemplateError::Malformed(format!("admin/{name}.hbs in French"), Box::new(cause)))
    }

    fn check_mail(&self, mail: &str, locale: &str) -> Result<(), TemplateError> {
        for part in PARTS {
            let name = format!("email/{mail}/{locale}/{part}");
            if !self.html.has_template(&name) && !self.text.has_template(&name) {
                return Err(TemplateError::Missing(name));
            }
        }
        Ok(())
    }
}

fn registry() -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    helpers::register(&mut registry);
    registry
}

fn render(registry: &Handlebars<'static>, name: &str, context: &Context) -> Result<String, TemplateError> {
    if !registry.has_template(name) {
        return Err(TemplateError::Missing(name.to_owned()));
    }
    registry.render_with_context(name, context).map_err(|cause| TemplateError::Render(name.to_owned(), Box::new(cause)))
}

/// The house's locale nearest to a language tag: `en-GB` is `en`, `de` is `fr`.
fn spoken(tag: &str) -> &'static str {
    let language = tag.split(['-', '_']).next().unwrap_or_default();
    let known = LOCALES.into_iter().find(|locale| locale.eq_ignore_ascii_case(language));
    known.unwrap_or(LOCALES[0])
}

/// Makes a subject safe as a header: a line break would begin a header of the sender's choice, and marks that turn the
/// direction of writing would let a name disguise the rest. No-break spaces are kept, French needs them.
fn one_line(subject: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let spaced: String = subject.chars().map(|c| if breaks(c) || turns(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    let line: String = words.join(" ").chars().take(SUBJECT_MAX).collect();
    line.trim().to_owned()
}
