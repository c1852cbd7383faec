//! Why a role or a profile cannot be what it was asked to be. Facts: the wire form is made where
//! the answer is.

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RightsFault {
    #[error("\"{0}\" is missing")]
    Missing(String),
    #[error("\"{0}\" must be {1}")]
    WrongType(String, &'static str),
    #[error("unexpected argument \"{0}\" (accepted are: {1})")]
    Unexpected(String, &'static str),
    #[error("\"{0}\" must not be empty")]
    Empty(String),
    #[error("under the controller \"*\" only the action \"*\" may stand, not \"{0}\"")]
    ActionOfAnyController(String),
    #[error("\"{0}\" is no name: 1 to 512 bytes without control characters")]
    BadName(String),
    #[error("the role \"{0}\" does not exist")]
    UnknownRole(String),
    #[error("the profile \"{0}\" does not exist")]
    UnknownProfile(String),
    #[error("the role \"{0}\" exists already")]
    RoleExists(String),
    #[error("the profile \"{0}\" exists already")]
    ProfileExists(String),
    #[error("the role \"anonymous\" must allow auth:login: without it no user could log in")]
    LoginRequired,
    #[error("the profile \"anonymous\" must hold the role \"anonymous\"")]
    AnonymousRoleRequired,
    #[error("\"{0}\" is one of the three that are always there, and cannot be deleted")]
    CannotDelete(String),
    #[error("the role \"{0}\" is used by the profile \"{1}\"")]
    RoleInUse(String, String),
}
