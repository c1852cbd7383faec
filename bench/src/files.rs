//! Open files: this process and those it starts may have as many as they need.

use consign::failure::Failure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit where it is lower, as far as the system lets a user.
pub fn allow(files: u64) -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    if let Some(most) = limit.maximum.filter(|most| *most < files) {
        let failure = Failure::usage(format!("{files} open files are needed, {most} are allowed"));
        return Err(failure.hint("fewer --sockets, or a higher limit: ulimit -Hn"));
    }
    let raised = Rlimit {
        current: Some(files),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|error| Failure::failed(format!("the limit of open files stays: {error}")))
}
