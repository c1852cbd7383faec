//! What one log does in a round of commits: seals a batch's frames, rolls, writes, and shows what
//! became safe. Must never show or acknowledge anything before it was told that it is safe.

use crate::{
    Appended, frame,
    log::LogShared,
    medium::Medium,
    queue::CommitBatch,
    segment::{About, HEADER, Segment},
};
use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

/// Where a log is appended to. Touched by the thread that commits, only.
pub(crate) struct Appender {
    active: Arc<Segment>,
    /// The last timestamp given.
    timestamp: i64,
    /// Is the segment's beginning neither on the disk nor in the journal?
    fresh: bool,
}

pub(crate) enum AppenderFailure {
    /// It is as it was before.
    Rejected(io::Error),
    /// Nobody knows what is on the disk.
    Fatal(io::Error),
}

/// A batch that is written to its segment.
pub(crate) struct WrittenGroup {
    pub batch: CommitBatch,
    pub segment: Arc<Segment>,
    /// Must the segment's header become safe with it?
    pub fresh: bool,
    /// Where the batch begins.
    pub start: u64,
    first: u64,
    timestamp: i64,
}

impl Appender {
    pub fn new(active: Arc<Segment>, timestamp: i64) -> Self {
        Self {
            active,
            timestamp,
            fresh: false,
        }
    }

    /// Writes a batch behind what is committed. What fails leaves nothing behind, or is fatal.
    pub fn write(
        &mut self,
        shared: &LogShared,
        mut batch: CommitBatch,
    ) -> Result<WrittenGroup, (CommitBatch, AppenderFailure)> {
        let first = shared.end.load(Ordering::Acquire);
        self.timestamp = self.timestamp.max((shared.options.clock)());
        if self.must_roll(shared)
            && let Err(error) = self.roll_segment(shared, first)
        {
            return Err((batch, AppenderFailure::Rejected(error)));
        }
        let start = self.active.readable();
        let sealed = self.seal_batch(&mut batch, first, start);
        if let Err(error) = sealed.and_then(|()| {
            self.active
                .write(shared.medium.as_ref(), start, &batch.bytes)
        }) {
            let failure = match self.active.cut(shared.medium.as_ref(), start) {
                Ok(()) => AppenderFailure::Rejected(error),
                Err(fatal) => AppenderFailure::Fatal(fatal),
            };
            return Err((batch, failure));
        }
        Ok(WrittenGroup {
            batch,
            segment: self.active.clone(),
            fresh: self.fresh,
            start,
            first,
            timestamp: self.timestamp,
        })
    }

    fn seal_batch(&self, batch: &mut CommitBatch, first: u64, start: u64) -> io::Result<()> {
        let mut at = 0;
        for offset in first..first + batch.completions.len() as u64 {
            let back = u32::try_from(at).map_err(io::Error::other)?;
            let place = self.active.place(start + at as u64);
            at += frame::seal_frame(&mut batch.bytes[at..], place, offset, self.timestamp, back);
        }
        Ok(())
    }

    fn must_roll(&self, shared: &LogShared) -> bool {
        let options = &shared.options;
        let age = options.segment_age.map_or(i64::MAX, |age| {
            i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
        });
        let length = self.active.readable();
        length > HEADER as u64
            && (length >= options.segment_bytes
                || self.timestamp.saturating_sub(self.active.about.created) > age)
    }

    fn roll_segment(&mut self, shared: &LogShared, base: u64) -> io::Result<()> {
        let medium = shared.medium.as_ref();
        let about = About {
            base,
            created: self.timestamp,
            compacted_end: None,
        };
        let next = if shared.is_journaled() {
            Segment::create(medium, &shared.folder, about)?
        } else {
            self.roll_alone(shared, about)?
        };
        self.active.seal();
        self.active = Arc::new(next);
        self.fresh = shared.is_journaled();
        shared.segments.write().push(self.active.clone());
        Ok(())
    }

    /// Without a journal the sealed segment is whole, and the next permanent, before anything is
    /// written to that.
    fn roll_alone(&self, shared: &LogShared, about: About) -> io::Result<Segment> {
        self.active.make_safe(shared.medium.as_ref())?;
        create_safe(shared.medium.as_ref(), &shared.folder, about)
    }

    /// The batch is safe, and the segment's beginning with it.
    pub fn publish(&mut self, shared: &LogShared, written: &WrittenGroup) {
        let WrittenGroup {
            batch,
            segment,
            start,
            first,
            ..
        } = written;
        let mut at = 0;
        let end = first + batch.completions.len() as u64;
        for offset in *first..end {
            segment.note(offset, start + at as u64);
            at += frame::frame_length(&batch.bytes[at..]);
        }
        self.fresh = false;
        segment.remember(*start, &batch.bytes);
        segment.publish(start + batch.bytes.len() as u64);
        shared.end.store(end, Ordering::Release);
        shared.observe();
    }
}

impl WrittenGroup {
    pub fn acknowledge(self) -> Vec<u8> {
        for (offset, done) in (self.first..).zip(self.batch.completions) {
            done(Ok(Appended {
                offset,
                timestamp: self.timestamp,
            }));
        }
        self.batch.bytes
    }

    /// Takes it back out of the segment, for good.
    pub fn take_back(&self, medium: &dyn Medium) -> io::Result<()> {
        self.segment.cut(medium, self.start)
    }
}

/// A new, empty segment, permanent when this returns.
pub(crate) fn create_safe(
    medium: &dyn Medium,
    folder: &std::path::Path,
    about: About,
) -> io::Result<Segment> {
    let segment = Segment::create(medium, folder, about)?;
    if let Err(error) = segment.make_safe(medium) {
        let _ = medium.remove(&segment.path);
        return Err(error);
    }
    Ok(segment)
}
