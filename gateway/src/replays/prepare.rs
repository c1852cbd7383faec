//! What items of a job come to before anything is sent: the dead letter of each as it stands, as
//! edited, what its replay would change, and the intent that moves it. Sends and keeps nothing.

use super::{item_end, ledger_entry, sealed_patch};
use crate::{
    access::system,
    app::App,
    error::{Code, Problem},
};
use catalog::Catalog;
use event_schema::{
    decision::OriginalRecord,
    held::{HeldPlace, HoldIntent},
    id::{EntityKey, RequestId},
    json_size,
    outcome::Verdict,
};
use futures::future::try_join_all;
use replay::{
    HeldLetter, JobAction, JobItem, JsonPatch, PreviewStores, ReadLetter, ReplayJob, ReplayPreview,
};
use sealing::{EditUnsealable, SubjectErased};
use store::Record;

/// A preview of more bytes is kept without its fields.
const PREVIEW_BYTES: usize = 16 << 10;

pub(super) enum PreparedItem {
    Ended(&'static str, Option<Problem>),
    /// No letter is there, and what the ledger says is no end: what was decided of it may be on its way
    /// into the ledger. This is its end if that goes on.
    Unsettled(&'static str, Option<Problem>),
    Intent {
        letter: Box<HeldLetter>,
        intent: Box<HoldIntent>,
        preview: Option<ReplayPreview>,
    },
}

impl PreparedItem {
    /// Of its letter's event.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Ended(..) | Self::Unsettled(..) => 0,
            Self::Intent { letter, .. } => event_bytes(letter),
        }
    }
}

pub(super) fn event_bytes(letter: &HeldLetter) -> usize {
    letter.event.value.as_ref().map_or(0, String::len)
}

/// One for each item, in their order.
pub(super) async fn prepare_items(
    app: &App,
    job: &ReplayJob,
    items: &[JobItem],
) -> Result<Vec<PreparedItem>, Problem> {
    let ids = items
        .iter()
        .map(|item| RequestId::parse_trusted(&item.request_id).ok());
    let ids: Vec<Option<RequestId>> = ids.collect();
    let letters = find_letters(app.ports.record.as_ref(), items, &ids).await?;
    let prepared = items.iter().zip(ids).zip(letters);
    let prepared =
        prepared.map(|((item, request), letter)| prepare_item(app, job, item, request, letter));
    let mut prepared = try_join_all(prepared).await?;
    preview_items(app, job, items, &mut prepared).await?;
    Ok(prepared)
}

/// What the replay of each would change, which is kept with it.
async fn preview_items(
    app: &App,
    job: &ReplayJob,
    items: &[JobItem],
    prepared: &mut [PreparedItem],
) -> Result<(), Problem> {
    if job.order.action == JobAction::Discard {
        return Ok(());
    }
    let mut previewed = Vec::with_capacity(prepared.len());
    for (item, prepared) in items.iter().zip(prepared) {
        if let PreparedItem::Intent {
            letter,
            intent,
            preview,
        } = prepared
            // It would show users and rights to whoever may look at jobs.
            && !system::is_operation(&item.operation)
        {
            let event = intent.edited.as_ref().unwrap_or(&letter.event);
            previewed.push((&**letter, event, preview));
        }
    }
    let catalog = app.ports.catalog.current();
    let stores = preview_stores(app, &catalog);
    let letters: Vec<_> = previewed
        .iter()
        .map(|(letter, event, _)| (*letter, *event))
        .collect();
    let read = ReadLetter::read_all(stores, &letters).await?;
    let previews = letters.iter().zip(read);
    let previews = previews.map(|((letter, _), read)| read.preview(stores, letter));
    let previews = try_join_all(previews).await?;
    for ((.., preview), found) in previewed.into_iter().zip(previews) {
        *preview = Some(short_preview(found));
    }
    Ok(())
}

/// The dead letter of each: where the job saw it, or else where the ledger has its request. Of what
/// was held a moment ago the ledger may know nothing yet.
async fn find_letters(
    record: &dyn Record,
    items: &[JobItem],
    ids: &[Option<RequestId>],
) -> Result<Vec<Option<HeldLetter>>, Problem> {
    let seen = items.iter().enumerate();
    let seen = seen.filter_map(|(n, item)| Some((n, item.place.clone()?)));
    let (numbers, places): (Vec<usize>, Vec<(EntityKey, HeldPlace)>) = seen
        .map(|(n, place)| (n, (EntityKey(items[n].key.clone()), place)))
        .unzip();
    let mut letters: Vec<Option<HeldLetter>> = vec![None; items.len()];
    let found = replay::letters_at(record, &places).await?;
    for (n, letter) in numbers.into_iter().zip(found) {
        letters[n] = letter.filter(|letter| Some(letter.held.request) == ids[n]);
    }
    let missing = (0..items.len()).filter(|n| letters[*n].is_none());
    let missing: Vec<(usize, RequestId)> = missing.filter_map(|n| Some((n, ids[n]?))).collect();
    let asked: Vec<RequestId> = missing.iter().map(|(_, request)| *request).collect();
    let found = replay::letters_of_requests(record, &asked).await?;
    for ((n, _), letter) in missing.into_iter().zip(found) {
        letters[n] = letter;
    }
    Ok(letters)
}

async fn prepare_item(
    app: &App,
    job: &ReplayJob,
    item: &JobItem,
    request: Option<RequestId>,
    letter: Option<HeldLetter>,
) -> Result<PreparedItem, Problem> {
    let order = &job.order;
    let Some(request) = request else {
        let (status, problem) = item_end(order.action, None);
        return Ok(PreparedItem::Ended(status, problem));
    };
    let Some(letter) = letter else {
        let entry = ledger_entry(app, request).await?;
        let (status, problem) = item_end(order.action, entry.as_ref());
        let verdict = entry.map(|entry| entry.verdict);
        return Ok(match verdict {
            None | Some(Verdict::DeadLettered(_)) => PreparedItem::Unsettled(status, problem),
            Some(_) => PreparedItem::Ended(status, problem),
        });
    };
    let patch = match &order.patch {
        None => None,
        Some(patch) => match sealed_patch::open_patch(app, item, patch).await? {
            Some(patch) => Some(patch),
            None => {
                let problem = Problem::from(SubjectErased);
                return Ok(PreparedItem::Ended("refused", Some(problem)));
            }
        },
    };
    let edited = match edited_event(app, &letter, patch.as_ref()).await? {
        Ok(edited) => edited,
        Err(problem) => return Ok(PreparedItem::Ended("refused", Some(problem))),
    };
    let intent = HoldIntent {
        request,
        place: item.place.clone().unwrap_or_else(|| letter.place.clone()),
        attempts: item.attempts,
        as_new: order.as_new,
        edited,
        reason: order.reason.clone(),
        job: Some(job.id.clone()),
    };
    Ok(PreparedItem::Intent {
        letter: Box::new(letter),
        intent: Box::new(intent),
        preview: None,
    })
}

/// What previews look at.
pub(crate) fn preview_stores<'a>(app: &'a App, catalog: &'a Catalog) -> PreviewStores<'a> {
    PreviewStores {
        record: app.ports.record.as_ref(),
        view: app.ports.view.as_deref(),
        catalog,
        keys: &app.ports.keys,
        sealing: &app.ports.sealing,
    }
}

/// The event as it is to be replayed, if it is another; the inner error: why it cannot be.
pub(crate) async fn edited_event(
    app: &App,
    letter: &HeldLetter,
    patch: Option<&JsonPatch>,
) -> Result<Result<Option<OriginalRecord>, Problem>, Problem> {
    let Some(patch) = patch else {
        return Ok(Ok(None));
    };
    let catalog = app.ports.catalog.current();
    let stores = preview_stores(app, &catalog);
    // A subject that has no key is given one: not for what seals nothing.
    let is_sealed = catalog.sealed().is_touched_by(&letter.held.operation);
    let subject = match is_sealed {
        true => Some(app.ports.sealing.access(&letter.key.0).await?),
        false => None,
    };
    let boundary = stores.boundary(subject.as_ref());
    let edited = replay::edited_event(letter, patch, stores.catalog, boundary);
    Ok(edited.map(Some).map_err(Problem::from))
}

fn short_preview(mut preview: ReplayPreview) -> ReplayPreview {
    if json_size(&preview.changes) > PREVIEW_BYTES {
        for change in &mut preview.changes {
            change.fields.clear();
        }
    }
    preview
}

impl From<replay::EditError> for Problem {
    fn from(error: replay::EditError) -> Self {
        let detail = error.to_string();
        match error {
            replay::EditError::Invalid { invalid, .. } => {
                Self::new(Code::Invalid, detail).violations(invalid.0)
            }
            replay::EditError::Unsealable(EditUnsealable::Erased(erased)) => erased.into(),
            replay::EditError::Unsealable(_)
            | replay::EditError::Undecodable(_)
            | replay::EditError::Patch(_)
            | replay::EditError::Unknown(_) => Self::new(Code::Invalid, detail),
        }
    }
}
