//! All issuers that are believed. What a token says is looked at in this order: its form, its
//! issuer, its algorithm, its key, its signature, and only then its claims.

use crate::{
    IssuerConfig, IssuerConfigError, IssuerLogin, TokenBearer, TokenFault,
    bearer::profiles_of_groups,
    claims,
    code_flow::CodeFlow,
    key_set::{IssuerKeys, PACE},
    signed_token::SignedToken,
    trusted_issuer::TrustedIssuer,
};
use outbound::OutboundClient;
use runtime::{Clock, Shutdown};
use std::{collections::HashSet, sync::Arc};

struct KnownIssuer {
    trusted: TrustedIssuer,
    /// How users are sent there to log in, if they are.
    code_flow: Option<CodeFlow>,
}

/// Of a deployment; there may be none.
pub struct TrustedIssuers {
    issuers: Vec<KnownIssuer>,
    clock: Arc<dyn Clock>,
}

impl TrustedIssuers {
    pub fn new(
        configs: &[IssuerConfig],
        http: &OutboundClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IssuerConfigError> {
        let (mut names, mut issuers) = (HashSet::new(), HashSet::new());
        let mut trusted = Vec::with_capacity(configs.len());
        for config in configs {
            config.check()?;
            if !names.insert(&config.name) || !issuers.insert(&config.issuer) {
                return Err(config.wrong("another issuer has this `name` or `issuer`"));
            }
            let checked = http.check(&config.keys);
            checked.map_err(|error| config.wrong(format!("`keys`: {error}")))?;
            let code_flow = CodeFlow::of_issuer(config, http, &clock)?;
            let keys = IssuerKeys::new(config, http.clone(), clock.clone());
            let config = config.clone();
            let issuer = TrustedIssuer { config, keys };
            trusted.push(KnownIssuer {
                trusted: issuer,
                code_flow,
            });
        }
        Ok(Self {
            issuers: trusted,
            clock,
        })
    }

    /// Is this the name of a principal of one of them, whoever that may be?
    pub fn owns_name(&self, principal: &str) -> bool {
        let issuer = principal.split_once(':').map(|(issuer, _)| issuer);
        let mut names = self
            .issuers
            .iter()
            .map(|one| one.trusted.config.name.as_str());
        issuer.is_some_and(|issuer| names.any(|name| name == issuer))
    }

    /// The names of those by which users log in.
    pub fn login_names(&self) -> impl Iterator<Item = &str> {
        let with_login = self.issuers.iter().filter(|one| one.code_flow.is_some());
        with_login.map(|one| one.trusted.config.name.as_str())
    }

    /// The one of this name, if users log in by it.
    pub fn login_by(&self, name: &str) -> Option<IssuerLogin<'_>> {
        let issuer = self.of_name(name)?;
        let flow = issuer.code_flow.as_ref()?;
        Some(IssuerLogin::of_issuer(
            &issuer.trusted,
            flow,
            self.clock.as_ref(),
        ))
    }

    fn of_name(&self, name: &str) -> Option<&KnownIssuer> {
        let mut issuers = self.issuers.iter();
        issuers.find(|one| one.trusted.config.name == name)
    }

    /// The issuer whose name the principal's begins with.
    fn of_principal(&self, principal: &str) -> Option<&KnownIssuer> {
        let (name, _) = principal.split_once(':')?;
        self.of_name(name)
    }

    /// What the issuer's table gives now to a principal who logged in by it as a member of these
    /// groups; none if nobody logs in by such an issuer any more.
    pub fn profiles_of(&self, principal: &str, groups: &[String]) -> Option<Vec<String>> {
        let issuer = self.of_principal(principal)?;
        issuer.code_flow.as_ref()?;
        Some(profiles_of_groups(&issuer.trusted.config, groups))
    }

    /// The most that a principal of this name could have by its issuer's table.
    pub fn greatest_profiles(&self, principal: &str) -> Option<Vec<String>> {
        let issuer = self.of_principal(principal)?;
        let groups: Vec<String> = issuer.trusted.config.profiles.keys().cloned().collect();
        Some(profiles_of_groups(&issuer.trusted.config, &groups))
    }

    /// Who bears this token.
    pub async fn verify(&self, text: &str) -> Result<TokenBearer, TokenFault> {
        let token = SignedToken::read(text)?;
        let named = claims::text(&token.claims, "iss")?;
        let issuer = self
            .issuers
            .iter()
            .find(|one| one.trusted.config.issuer == named);
        let issuer = issuer.ok_or(TokenFault::UnknownIssuer)?;
        let audiences = &issuer.trusted.config.audiences;
        let (claims, until) = issuer
            .trusted
            .believed_claims(token, audiences, self.clock.now())
            .await?;
        TokenBearer::of_claims(&issuer.trusted.config, claims, until)
    }

    /// Keeps the keys of all of them fresh, until shutdown.
    pub async fn follow(&self, shutdown: Shutdown) {
        loop {
            for issuer in &self.issuers {
                issuer.trusted.keys.renew().await;
            }
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(PACE) => {}
            }
        }
    }
}
