//! The controller `auth`: who the caller is, his sessions, credentials and keys. What it changes is
//! the caller's own.

mod issuer_login;
mod login;
mod own;

pub(super) use login::{busy_fault, check_token, login, logout, refresh_token};
pub(super) use own::{
    check_rights, create_api_key, create_credentials, credentials, credentials_exist, current_user,
    delete_api_key, delete_credentials, end_my_session, my_rights, my_sessions, search_api_keys,
    strategies, update_credentials, update_self, validate_credentials,
};

use super::{Fault, KuzzleCall, fault::Id};

/// The strategy of the deployment's own users. Others are called like the issuers by which users log in.
pub(super) const LOCAL: &str = "local";

/// The strategy that the request names.
fn named_strategy(call: KuzzleCall<'_>) -> Result<&str, Fault> {
    let named = call.request.text("strategy")?;
    named.ok_or_else(|| Fault::missing("strategy"))
}

/// The one whose credentials are kept here.
pub(super) fn expect_strategy(call: KuzzleCall<'_>) -> Result<(), Fault> {
    match named_strategy(call)? {
        LOCAL => Ok(()),
        other => Err(unknown_strategy(other)),
    }
}

pub(super) fn unknown_strategy(strategy: &str) -> Fault {
    let why = format!("there is no authentication strategy \"{strategy}\"");
    Fault::new(Id::UnknownStrategy, why).props([strategy])
}

/// The caller's account: those of other issuers have none here, whatever they are called.
fn account_holder(call: KuzzleCall<'_>) -> Result<&str, Fault> {
    let kuid = authenticated_kuid(call)?;
    if call.request.caller.issued().is_some() {
        let why = format!("\"{kuid}\" is of another issuer and has no account here");
        return Err(Fault::new(Id::UnknownUser, why).props([kuid]));
    }
    Ok(kuid)
}

/// Who shows no credential has nothing of his own.
fn authenticated_kuid(call: KuzzleCall<'_>) -> Result<&str, Fault> {
    let request = call.request;
    if request.caller.is_anonymous() {
        let (controller, action) = (request.controller.as_str(), request.action.as_str());
        let why = format!("unauthorized: authentication is required to use {controller}:{action}");
        return Err(Fault::new(Id::Unauthorized, why).props([controller, action]));
    }
    Ok(&request.caller.name)
}
