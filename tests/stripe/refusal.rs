//! Refusals in Stripe's JSON shape.

use serde_json::{Value, json};

/// What a request is answered: an object, or why not.
pub type Answer = Result<Value, Refusal>;

/// An error as Stripe says it.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `type`, `code`, `param`, `message`.
    pub error: Value,
    /// Work had begun, so that the answer is kept for the request's idempotency key. What does not validate is not kept.
    pub kept: bool,
}

impl Refusal {
    fn new(status: u16, kind: &str, message: String) -> Self {
        Self { status, error: json!({ "type": kind, "message": message }), kept: false }
    }

    /// 400: a parameter is wrong.
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self::new(400, "invalid_request_error", message.into());
        if !param.is_empty() {
            refusal.error["param"] = json!(param);
        }
        refusal
    }

    /// 400: a parameter is not there.
    pub fn missing(param: &str) -> Self {
        Self::invalid(param, format!("Missing required param: {param}.")).with_code("parameter_missing")
    }

    /// 404: there is no such object.
    pub fn no_such(kind: &str, id: &str, param: &str) -> Self {
        let mut refusal = Self::invalid(param, format!("No such {kind}: '{id}'")).with_code("resource_missing");
        refusal.status = 404;
        refusal
    }

    /// 400: the object's state forbids it.
    pub fn state(code: &str, param: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self::invalid(param, message);
        refusal.kept = true;
        if code.is_empty() { refusal } else { refusal.with_code(code) }
    }

    /// 401.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", message.into())
    }

    /// 404: no such route.
    pub fn no_route(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}). The fake has a part of Stripe's API only.");
        Self::new(404, "invalid_request_error", message)
    }

    /// 429.
    pub fn too_many() -> Self {
        let message =
            "Request rate limit exceeded. Learn more about rate limits at https://stripe.com/docs/rate-limits.";
        Self::new(429, "invalid_request_error", message.into()).with_code("rate_limit")
    }

    /// 500.
    pub fn broken() -> Self {
        let message = "An unknown error occurred".to_owned();
        Self { kept: true, ..Self::new(500, "api_error", message) }
    }

    /// 400: the key came with other parameters before.
    pub fn other_params(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using \
             a key other than '{key}' if you meant to execute a different request."
        );
        Self::new(400, "idempotency_error", message)
    }

    /// 409: the first request with this key is not answered yet.
    pub fn in_progress(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you submitted \
             twice, and the other request is still going through): {key}. Please try again later."
        );
        Self::new(409, "idempotency_error", message).with_code("idempotency_key_in_use")
    }

    /// With a code.
    pub fn with_code(mut self, code: &str) -> Self {
        self.error["code"] = json!(code);
        self
    }

    /// The body.
    pub fn body(&self) -> Value {
        json!({ "error": self.error })
    }
}
