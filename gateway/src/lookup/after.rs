//! `after=<token>`: a read, or a write, that waits for writes. A token of one request waits for its verdict, and
//! a refusal is answered at once; a token of many waits until their partitions are resolved that
//! far.

use crate::{
    access::Caller,
    app::App,
    error::{Code, Problem},
    read::parts,
    request::{headers, query::QueryString},
};
use event_schema::{decision::Mark, id::RequestId, outcome::Verdict, token::Token};
use http::HeaderMap;
use runtime::Backoff;
use serde_json::json;
use spool::SpoolId;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// Tokens in one request.
const MOST: usize = 32;

/// What is still waited for.
#[derive(Debug, Default)]
struct WantedToken {
    requests: BTreeMap<RequestId, (u16, u64)>,
    partitions: BTreeMap<u16, u64>,
    /// What was resolved in those may have parts in these.
    parts: BTreeMap<u16, u64>,
    /// Numbers in spools: what stands there has no place in the log yet, as far as is known.
    spools: BTreeMap<SpoolId, u64>,
}

/// Waits for the tokens of a read. True if there were any.
pub(crate) async fn wait_for_query(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    query: &QueryString,
) -> Result<bool, Problem> {
    let texts: Vec<_> = query.all("after").collect();
    if texts.is_empty() {
        return Ok(false);
    }
    let limit =
        headers::preferred_wait(headers, app.config.wait_max())?.unwrap_or(app.config.after_wait());
    wait_for(app, caller, &texts, limit).await
}

/// Waits for the tokens of a write, which is only accepted behind what they name: where that is
/// refused, dead or not applied in time, nothing of the write is.
pub(crate) async fn wait_before_write(
    app: &App,
    caller: &Caller,
    query: &QueryString,
) -> Result<(), Problem> {
    let texts: Vec<_> = query.all("after").collect();
    let waited = wait_for(app, caller, &texts, app.config.after_wait()).await;
    waited
        .map(drop)
        .map_err(|problem| problem.with("accepted", false.into()))
}

/// Likewise, wherever they came from.
pub(crate) async fn wait_for(
    app: &App,
    caller: &Caller,
    texts: &[&str],
    limit: Duration,
) -> Result<bool, Problem> {
    if texts.is_empty() {
        return Ok(false);
    }
    // What became of a write is told to nobody who cannot be looked at.
    caller.require_look()?;
    if texts.len() > MOST {
        return Err(Problem::new(
            Code::BadRequest,
            format!("at most {MOST} tokens may be named in one request"),
        ));
    }
    let mut wanted = WantedToken::default();
    for text in texts {
        wanted.add(app, open_token(app, caller, text)?)?;
    }
    wanted
        .wait(app, Instant::now() + limit)
        .await
        .map(|()| true)
}

fn open_token(app: &App, caller: &Caller, text: &str) -> Result<Token, Problem> {
    let now = (app.now() / 1000).max(0) as u64;
    Ok(Token::open(
        text,
        &app.ports.keys,
        &caller.tenant,
        &caller.name,
        now,
    )?)
}

impl WantedToken {
    fn add(&mut self, app: &App, token: Token) -> Result<(), Problem> {
        let generation = app.ports.layout.generation;
        if token.generation > generation {
            return Err(Problem::new(
                Code::BadToken,
                "the token is of a later generation of the log than this gateway serves",
            ));
        }
        match token.request {
            Some(request) => drop(
                self.requests
                    .insert(request, token.offsets.first().copied().unwrap_or_default()),
            ),
            // An older generation was drained before this one began.
            None if token.generation < generation => {}
            None => {
                add_offsets(&mut self.partitions, token.offsets);
                if let Some((spool, number)) = token.spool {
                    let furthest = self.spools.entry(SpoolId(spool)).or_default();
                    *furthest = (*furthest).max(number);
                }
            }
        }
        Ok(())
    }

    /// What this gateway's spool has shipped has places in the log. Of another's nothing is known
    /// here: whoever holds its token asks that gateway, or waits.
    fn find_shipped(&mut self, app: &App) {
        let Some(spool) = &app.ports.spool else {
            return;
        };
        let Some(number) = self.spools.get(&spool.id()).copied() else {
            return;
        };
        let shipped = spool.shipped_so_far();
        if shipped.through > number {
            self.spools.remove(&spool.id());
            add_offsets(&mut self.partitions, shipped.furthest);
        }
    }

    async fn wait(mut self, app: &App, deadline: Instant) -> Result<(), Problem> {
        let mut backoff = Backoff::new(Duration::from_millis(4), Duration::from_millis(200));
        loop {
            self.find_shipped(app);
            let reached = self.look(app).await?;
            if self.is_reached() {
                return Ok(());
            }
            let next = Instant::now() + backoff.next_wait();
            if next >= deadline || app.shutdown.is_soft() {
                return Err(self.not_yet(&reached));
            }
            tokio::time::sleep_until(next).await;
        }
    }

    /// Takes out what is reached; says where the partitions are.
    async fn look(&mut self, app: &App) -> Result<BTreeMap<u16, u64>, Problem> {
        if !self.requests.is_empty() {
            let ids: Vec<_> = self.requests.keys().copied().collect();
            for entry in app.ports.record.ledger(&ids).await?.into_iter().flatten() {
                let parts = parts::part_entries(app.ports.record.as_ref(), &entry.parts).await?;
                let Some(verdict) = parts::folded_verdict(&entry, &parts) else {
                    continue;
                };
                self.requests.remove(&entry.request);
                match &verdict {
                    Verdict::Applied => {}
                    Verdict::Refused(refusal) => {
                        return Err(Problem::from(refusal).about(entry.request, None));
                    }
                    Verdict::DeadLettered(reason) => {
                        return Err(Problem::from(reason).about(entry.request, None));
                    }
                    Verdict::Parked(parked) => {
                        return Err(Problem::from(parked).about(entry.request, None));
                    }
                }
            }
        }
        let mut reached = BTreeMap::new();
        for (partition, offset) in self.partitions.clone() {
            let mark = look_at_mark(app, partition, &mut reached).await?;
            if let Some(mark) = mark.filter(|mark| mark.next.get() > offset) {
                self.partitions.remove(&partition);
                let parts = mark.parts.into_iter();
                add_offsets(
                    &mut self.parts,
                    parts.map(|(partition, offset)| (partition, offset.get())),
                );
            }
        }
        // Parts have no parts: what their partitions' marks say of some is of other requests.
        for (partition, offset) in self.parts.clone() {
            let mark = look_at_mark(app, partition, &mut reached).await?;
            if mark.is_some_and(|mark| mark.next.get() > offset) {
                self.parts.remove(&partition);
            }
        }
        Ok(reached)
    }

    fn is_reached(&self) -> bool {
        self.requests.is_empty()
            && self.partitions.is_empty()
            && self.parts.is_empty()
            && self.spools.is_empty()
    }

    fn not_yet(&self, reached: &BTreeMap<u16, u64>) -> Problem {
        let requests = self
            .requests
            .iter()
            .map(|(request, (partition, offset))| json!({"request_id": request, "partition": partition, "offset": offset}));
        let partitions = self.partitions.iter().chain(&self.parts);
        let partitions = partitions.map(|(partition, offset)| {
            let at = reached.get(partition).copied().unwrap_or_default();
            json!({"partition": partition, "offset": offset, "resolved_below": at, "ahead": (offset + 1).saturating_sub(at)})
        });
        let spools = self
            .spools
            .iter()
            .map(|(spool, number)| json!({"spool": spool.to_string(), "number": number}));
        let progress: Vec<_> = requests.chain(partitions).chain(spools).collect();
        let detail = match progress.len() {
            1 => "one thing that was waited for is not applied yet".to_owned(),
            count => format!("{count} things that were waited for are not applied yet"),
        };
        Problem::new(Code::NotYet, detail).with("progress", progress.into())
    }
}

fn add_offsets(furthest: &mut BTreeMap<u16, u64>, offsets: impl IntoIterator<Item = (u16, u64)>) {
    for (partition, offset) in offsets {
        let known = furthest.entry(partition).or_default();
        *known = (*known).max(offset);
    }
}

/// The newest mark of a partition; notes how far it is.
async fn look_at_mark(
    app: &App,
    partition: u16,
    reached: &mut BTreeMap<u16, u64>,
) -> Result<Option<Mark>, Problem> {
    let generation = app.ports.layout.generation;
    let mark = app.ports.record.mark(generation, partition).await?;
    let next = mark.as_ref().map_or(0, |mark| mark.next.get());
    reached.insert(partition, next);
    Ok(mark)
}
