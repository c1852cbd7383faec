//! What one log does in a round of commits: seals a batch's frames, rolls, writes, and shows what
//! became safe. Must never show or acknowledge anything before it was told that it is safe.

use crate::{
    Appended, frame,
    medium::Medium,
    queue::CommitBatch,
    segment::{About, HEADER, Segment},
    stored::StoredLog,
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
        stored: &StoredLog,
        mut batch: CommitBatch,
    ) -> Result<WrittenGroup, (CommitBatch, AppenderFailure)> {
        let first = stored.end.load(Ordering::Acquire);
        self.timestamp = self.timestamp.max((stored.options.clock)());
        if self.must_roll(stored)
            && let Err(error) = self.roll_segment(stored, first)
        {
            return Err((batch, AppenderFailure::Rejected(error)));
        }
        let start = self.active.readable();
        let sealed = self.seal_batch(&mut batch, first, start);
        if let Err(error) = sealed.and_then(|()| {
            self.active
                .write(stored.medium.as_ref(), start, &batch.bytes)
        }) {
            let failure = match self.active.cut(stored.medium.as_ref(), start) {
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

    fn must_roll(&self, stored: &StoredLog) -> bool {
        let options = &stored.options;
        let age = options.segment_age.map_or(i64::MAX, |age| {
            i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
        });
        let length = self.active.readable();
        length > HEADER as u64
            && (length >= options.segment_bytes
                || self.timestamp.saturating_sub(self.active.about.created) > age)
    }

    fn roll_segment(&mut self, stored: &StoredLog, base: u64) -> io::Result<()> {
        let medium = stored.medium.as_ref();
        let about = About {
            base,
            created: self.timestamp,
            compacted_end: None,
        };
        let next = if stored.is_journaled() {
            Segment::create(medium, &stored.folder, about)?
        } else {
            self.roll_alone(stored, about)?
        };
        self.active.seal();
        self.active = Arc::new(next);
        self.fresh = stored.is_journaled();
        stored.segments.write().push(self.active.clone());
        Ok(())
    }

    /// Without a journal the sealed segment is whole, and the next permanent, before anything is
    /// written to that.
    fn roll_alone(&self, stored: &StoredLog, about: About) -> io::Result<Segment> {
        self.active.make_safe(stored.medium.as_ref())?;
        Segment::create_safe(stored.medium.as_ref(), &stored.folder, about)
    }

    /// The batch is safe, and the segment's beginning with it.
    pub fn publish(&mut self, stored: &StoredLog, written: &WrittenGroup) {
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
        stored.end.store(end, Ordering::Release);
        stored.observe();
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
