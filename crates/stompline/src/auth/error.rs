//! Why somebody is not let in.

use std::borrow::Cow;

use http::StatusCode;

/// Why a token, or its absence, was refused.
///
/// The `Display` text is the reason for the log: it says what was wrong and holds no token, secret or
/// claim value (the user type aside). Clients get [`code`](Self::code) and [`message`](Self::message)
/// only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no token.
    #[error("no token")]
    Missing,
    /// The token is not of the form it should have.
    #[error("malformed token: {reason}")]
    Malformed {
        /// What is wrong with the form.
        reason: &'static str,
    },
    /// No key made this signature.
    #[error("the signature fits no key")]
    BadSignature,
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
    /// The token's time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token comes from somebody else.
    #[error("the issuer is not one of those accepted")]
    WrongIssuer,
    /// The token is meant for somebody else.
    #[error("the audience is not one of those accepted")]
    WrongAudience,
    /// The token names a key that is not known.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The token is signed in a way that no key here is for; among others, not at all (`none`).
    #[error("no key for the algorithm {algorithm:?}")]
    UnsupportedAlgorithm {
        /// What the token says, cut to 16 characters.
        algorithm: Box<str>,
    },
    /// The token lacks something it must have.
    #[error("the claim {claim:?} is missing or has the wrong form")]
    MissingClaim {
        /// The name of the claim.
        claim: Cow<'static, str>,
    },
    /// The token is valid, but for another kind of user.
    #[error("user type {found:?} where {expected:?} is required")]
    WrongUserType {
        /// What is required here; several types are separated by `|`.
        expected: Box<str>,
        /// What the token says, cut to 32 characters.
        found: Box<str>,
    },
    /// Login and passcode are not those of a user.
    #[error("login or passcode is wrong")]
    WrongLogin,
    /// It cannot be found out now, for example because a service does not answer.
    #[error("authentication is not possible now: {reason}")]
    Unavailable {
        /// The cause, for the log only.
        reason: Box<str>,
    },
}

impl AuthError {
    /// Something outside that is needed does not work; `reason` goes to the log only.
    pub fn unavailable(reason: impl Into<Box<str>>) -> Self {
        Self::Unavailable {
            reason: reason.into(),
        }
    }

    /// The machine-readable code: stable, for clients, logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Malformed { .. } => "token_malformed",
            Self::BadSignature => "token_bad_signature",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::WrongIssuer => "token_wrong_issuer",
            Self::WrongAudience => "token_wrong_audience",
            Self::UnknownKey => "token_unknown_key",
            Self::UnsupportedAlgorithm { .. } => "token_unsupported_algorithm",
            Self::MissingClaim { .. } => "token_missing_claim",
            Self::WrongUserType { .. } => "wrong_user_type",
            Self::WrongLogin => "wrong_login",
            Self::Unavailable { .. } => "auth_unavailable",
        }
    }

    /// The HTTP status of a refusal before the upgrade: 401, 403 for a valid token of another kind of
    /// user, 503 when it cannot be found out.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::WrongUserType { .. } => StatusCode::FORBIDDEN,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// What a client is told: what it may do about it, and nothing of what is checked how.
    pub fn message(&self) -> &'static str {
        match self {
            Self::Missing => "a token is required",
            Self::Expired => "the token has expired; get a new one",
            Self::NotYetValid => "the token is not valid yet",
            Self::WrongUserType { .. } => "this endpoint is for another type of user",
            Self::WrongLogin => "login or passcode is wrong",
            Self::Unavailable { .. } => "authentication is not possible now; try again later",
            _ => "the token is not valid",
        }
    }
}

/// At most `chars_max` characters of something a client wrote, for a log line.
pub(super) fn excerpt(text: &str, chars_max: usize) -> Box<str> {
    text.chars().take(chars_max).collect::<String>().into()
}
