//! Callers whom this gateway knew and cannot look at now. A write of theirs is taken on trust, and says
//! so: a worker looks before it is decided. Nothing else is done for them, and no such caller is made
//! of one of whom it is known here that something changed. See ADR 39.

use super::{CallerAccess, KeptCaller, has_ended, make_caller};
use crate::{
    access::{Caller, Credential, Principal, api_key, rights_state::KnownRights},
    transport::tls::client_certificate::ShownCertificate,
};
use event_schema::{
    security::SecuritySubject,
    unconfirmed::{Unconfirmed, UnconfirmedCredential, UnconfirmedRight},
};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What a write of such a caller says of it.
#[derive(Clone, Debug)]
pub(crate) struct UnconfirmedCaller {
    credential: UnconfirmedCredential,
    /// Of a principal of another issuer.
    profiles: Option<Vec<String>>,
    rights_revision: u64,
    /// Unix milliseconds.
    looked_at: i64,
}

impl UnconfirmedCaller {
    /// For an event that was let in by this right.
    pub(crate) fn mark(&self, (controller, action): (&str, &str)) -> Unconfirmed {
        Unconfirmed {
            credential: self.credential.clone(),
            right: UnconfirmedRight {
                controller: controller.to_owned(),
                action: action.to_owned(),
            },
            profiles: self.profiles.clone(),
            rights_revision: self.rights_revision,
            looked_at: self.looked_at,
        }
    }
}

impl CallerAccess {
    /// The caller of this credential, or else of this certificate, as it was known last: only for what
    /// is decided after a look. None in an open deployment, where nobody is kept out.
    pub(crate) fn known_before(
        &self,
        credential: Option<&str>,
        certificate: Option<&ShownCertificate>,
    ) -> Option<Caller> {
        let name = match (credential, certificate) {
            (Some(text), _) => Sha256::digest(text.as_bytes()).into(),
            (None, Some(shown)) => shown.fingerprint,
            (None, None) => return None,
        };
        let kept = self.kept.get(&name)?;
        let known = self.state.last_known().filter(|known| !known.open)?;
        if !self.may_be_trusted(&kept, &known) {
            return None;
        }
        let unconfirmed = UnconfirmedCaller {
            credential: credential_of(&kept.caller, credential)?,
            profiles: issued_profiles(&kept.caller),
            rights_revision: known.revision?,
            looked_at: self.at(kept.made),
        };
        let caller = &kept.caller;
        let made = make_caller(
            (
                caller.name.clone(),
                caller.profiles.to_vec(),
                caller.credential.clone(),
            ),
            (&known, caller.basis.step),
        );
        Some(Caller::new(Principal {
            unconfirmed: Some(unconfirmed),
            ..Principal::clone(&made)
        }))
    }

    /// Is everything that can be known without a store as it was?
    fn may_be_trusted(&self, kept: &KeptCaller, known: &KnownRights) -> bool {
        let now = self.clock().now();
        let (belief, basis) = (&self.state.belief, &kept.caller.basis);
        self.keys.is_listed(&kept.keys)
            && !has_ended(&kept.caller, now)
            && kept.until.is_none_or(|until| now <= until)
            && !belief.heard_of_change(basis.step, &basis.subjects)
            && !belief.heard_of_change(known.step, &[SecuritySubject::Rights])
    }

    /// Unix milliseconds of a moment that passed.
    fn at(&self, moment: Duration) -> i64 {
        let clock = self.clock();
        let passed = clock.elapsed().saturating_sub(moment).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        clock.now().saturating_sub(passed)
    }
}

/// What must still stand of it. `shown`: the text of a key.
fn credential_of(caller: &Caller, shown: Option<&str>) -> Option<UnconfirmedCredential> {
    match &caller.credential {
        Credential::Session(session) => Some(UnconfirmedCredential::Session {
            sid: session.sid.clone(),
            jti: session.jti.clone(),
            sessions: session.sessions.clone(),
        }),
        Credential::ApiKey { id, birth, .. } => Some(UnconfirmedCredential::ApiKey {
            id: id.clone(),
            fingerprint: api_key::key_fingerprint(shown?),
            birth: birth.clone(),
        }),
        Credential::Certificate { birth, from, .. } => Some(UnconfirmedCredential::Certificate {
            birth: birth.clone(),
            from: *from,
        }),
        // Nothing in the record store says whether the token of another issuer still counts.
        Credential::Nothing | Credential::Kept | Credential::Issued { .. } => None,
    }
}

fn issued_profiles(caller: &Caller) -> Option<Vec<String>> {
    let session = caller.session()?;
    session.issued.as_ref().map(|_| caller.profiles.to_vec())
}
