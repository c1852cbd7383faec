//! The servers of a test run: a fresh trio on free ports. For a whole run their jars are fetched
//! while the code is being built; a run of some tests takes the shared ones if they are up. Servers
//! named by the environment are used as they are and left alone, and so are shared ones.

use std::{
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use anyhow::{Context, Result};
use testbed::{Addresses, PrivateOptions, Server, Servers, probe};

pub(crate) struct Fixture {
    fetching: Option<Mutex<Child>>,
    may_share: bool,
}

pub(crate) struct Started(Option<Servers>);

impl Fixture {
    pub(crate) fn prepare(whole: bool) -> Result<Self> {
        let mut fixture = Self {
            fetching: None,
            may_share: !whole,
        };
        if whole && !given() {
            let script = testbed::root().join("servers/servers");
            let child = Command::new("bash")
                .arg(script)
                .arg("fetch")
                .stdout(Stdio::null())
                .spawn()
                .context("cannot run bash")?;
            fixture.fetching = Some(Mutex::new(child));
        }
        Ok(fixture)
    }

    pub(crate) fn start(self) -> Result<Started> {
        if given() {
            println!("using the servers that the environment names");
            return Ok(Started(None));
        }
        if self.may_share && shared_are_up() {
            println!("using the shared servers (`cargo run -p xtask -- servers down` ends them)");
            return Ok(Started(None));
        }
        if let Some(fetching) = self.fetching {
            fetching
                .into_inner()
                .context("the fetch panicked")?
                .wait()?;
        }
        let servers = Servers::private(&PrivateOptions {
            may_forget_tables: true,
            ..PrivateOptions::default()
        })?;
        println!("{:?}", servers.addresses());
        Ok(Started(Some(servers)))
    }
}

impl Started {
    /// What the tests are told.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let of = |servers: &Servers| {
            Server::TRIO
                .map(|s| (s.env(), servers.addresses().of(s).to_owned()))
                .to_vec()
        };
        self.0.as_ref().map(of).unwrap_or_default()
    }
}

fn given() -> bool {
    Server::TRIO
        .iter()
        .all(|s| std::env::var_os(s.env()).is_some_and(|v| !v.is_empty()))
}

fn shared_are_up() -> bool {
    let addresses = Addresses::shared();
    let answers = |server: Server| {
        probe::answers(server, addresses.of(server), Duration::from_secs(2)).is_ok()
    };
    Server::TRIO.into_iter().all(answers)
}
