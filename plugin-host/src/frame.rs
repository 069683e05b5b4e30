//! The frames between the engine and a plugin's process: a 1:1 image of the C
//! calls, so that a plugin sees the same host on either side.
//!
//! A frame is a length (u32, little-endian, of all that follows), a kind (u8),
//! run (u64), tag (u64), status (i32), the lengths of its first two parts
//! (u32 each), and three parts of bytes; the third is the rest.
//!
//! What comes from a plugin's process is hostile: the decoder is total, and
//! bounded by [`LARGEST`].

use std::io::{ErrorKind, Read};

use engine_plugin_api::abi::limits;

/// The longest frame, in bytes, its length word not counted: a target with its
/// message, or two arguments of the largest size, and what surrounds them.
pub const LARGEST: usize = limits::MESSAGE + limits::ARGUMENT + (1 << 20);

/// Bytes between the length word and the parts.
const HEAD: usize = 1 + 8 + 8 + 4 + 4 + 4;

/// What a frame is for. The parts that each kind uses stand in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Engine → process: load this file \[JSON [`crate::child::Load`]\].
    Load = 0,
    /// Process → engine: loaded \[JSON [`crate::library::Described`]\], or with
    /// a status that is not OK why not \[JSON [`crate::LoadError`]\].
    Hello = 1,
    /// Engine → process: begin a run \[JSON [`crate::child::Begin`]; target; message\].
    Run = 2,
    /// Process → engine: a service call \[method; head; body\].
    Submit = 3,
    /// Engine → process: what came of the call `tag` \[head; body\].
    Complete = 4,
    /// Process → engine: the call `tag` is no longer waited for.
    Cancel = 5,
    /// Process → engine: an emission, its kind in `status` \[head; body\].
    Emit = 6,
    /// Engine → process: the run is to end.
    Stop = 7,
    /// Process → engine: the run has ended with `status`
    /// \[what `create` said against the settings\].
    Done = 8,
    /// Process → engine: the run has sent more than it may.
    Exceeded = 9,
    /// Process → engine: it is confined, and nothing of the file has run yet
    /// \[JSON [`crate::sandbox::Enforced`]\].
    Confined = 10,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        use Kind::*;
        [Load, Hello, Run, Submit, Complete, Cancel, Emit, Stop, Done, Exceeded, Confined]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub kind: Kind,
    /// The run that it belongs to; 0 for the process as a whole.
    pub run: u64,
    /// The call that it belongs to.
    pub tag: u64,
    /// A status, or the kind of an emission.
    pub status: i32,
    /// Its three parts.
    pub parts: [Vec<u8>; 3],
}

/// Why bytes are no frame, or none came.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side could not be read.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Cut,
    /// Longer than [`LARGEST`], or than is taken here.
    #[error("a frame of {0} bytes, more than it may have")]
    TooLong(usize),
    /// Of no known kind.
    #[error("a frame of the unknown kind {0}")]
    UnknownKind(u8),
    /// The lengths of its parts do not fit its own.
    #[error("a frame whose parts are longer than itself")]
    Lengths,
}

impl Frame {
    /// A frame without parts.
    pub fn bare(kind: Kind, run: u64) -> Frame {
        Frame { kind, run, tag: 0, status: 0, parts: Default::default() }
    }

    /// The bytes of a frame, its length word included.
    ///
    /// # Errors
    /// [`FrameError::TooLong`].
    pub fn encode(kind: Kind, run: u64, tag: u64, status: i32, parts: [&[u8]; 3]) -> Result<Vec<u8>, FrameError> {
        let length = parts.iter().map(|part| part.len()).fold(HEAD, usize::saturating_add);
        // Within LARGEST, every length fits 32 bits.
        let word = |length: usize| u32::try_from(length).map_err(|_| FrameError::TooLong(length));
        if length > LARGEST {
            return Err(FrameError::TooLong(length));
        }
        let mut bytes = Vec::with_capacity(4 + length);
        bytes.extend(word(length)?.to_le_bytes());
        bytes.push(kind as u8);
        bytes.extend(run.to_le_bytes());
        bytes.extend(tag.to_le_bytes());
        bytes.extend(status.to_le_bytes());
        bytes.extend(word(parts[0].len())?.to_le_bytes());
        bytes.extend(word(parts[1].len())?.to_le_bytes());
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        Ok(bytes)
    }

    /// Reads what follows a length word.
    ///
    /// # Errors
    /// When it is no frame.
    pub fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
        if bytes.len() > LARGEST {
            return Err(FrameError::TooLong(bytes.len()));
        }
        let (kind, rest) = bytes.split_first().ok_or(FrameError::Cut)?;
        let kind = Kind::of(*kind).ok_or(FrameError::UnknownKind(*kind))?;
        let (run, rest) = rest.split_first_chunk::<8>().ok_or(FrameError::Cut)?;
        let (tag, rest) = rest.split_first_chunk::<8>().ok_or(FrameError::Cut)?;
        let (status, rest) = rest.split_first_chunk::<4>().ok_or(FrameError::Cut)?;
        let (first, rest) = rest.split_first_chunk::<4>().ok_or(FrameError::Cut)?;
        let (second, rest) = rest.split_first_chunk::<4>().ok_or(FrameError::Cut)?;
        let (first, rest) = split(rest, u32::from_le_bytes(*first))?;
        let (second, third) = split(rest, u32::from_le_bytes(*second))?;
        Ok(Frame {
            kind,
            run: u64::from_le_bytes(*run),
            tag: u64::from_le_bytes(*tag),
            status: i32::from_le_bytes(*status),
            parts: [first.to_vec(), second.to_vec(), third.to_vec()],
        })
    }

    /// Reads the next frame; `None` when the stream has ended between frames.
    /// Memory grows with what has arrived, not with what is announced.
    ///
    /// # Errors
    /// When the stream breaks or what comes is no frame; then the rest of the
    /// stream means nothing.
    pub fn read(from: &mut impl Read) -> Result<Option<Frame>, FrameError> {
        Frame::read_within(from, LARGEST)
    }

    /// The same for a frame of at most `largest` bytes, its length word not counted.
    ///
    /// # Errors
    /// As [`Frame::read`].
    pub fn read_within(from: &mut impl Read, largest: usize) -> Result<Option<Frame>, FrameError> {
        let mut word = [0; 4];
        let mut had = 0;
        while had < word.len() {
            match from.read(&mut word[had..]) {
                Ok(0) if had == 0 => return Ok(None),
                Ok(0) => return Err(FrameError::Cut),
                Ok(more) => had += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let length = usize::try_from(u32::from_le_bytes(word)).unwrap_or(usize::MAX);
        if length > largest {
            return Err(FrameError::TooLong(length));
        }
        let mut bytes = Vec::with_capacity(length.min(64 << 10));
        from.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(FrameError::Cut);
        }
        Frame::decode(&bytes).map(Some)
    }
}

fn split(bytes: &[u8], at: u32) -> Result<(&[u8], &[u8]), FrameError> {
    usize::try_from(at).ok().and_then(|at| bytes.split_at_checked(at)).ok_or(FrameError::Lengths)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample() -> Frame {
        Frame { kind: Kind::Submit, run: 7, tag: 9, status: -3, parts: [b"m/1".into(), b"{}".into(), vec![0, 255]] }
    }

    fn bytes(frame: &Frame) -> Vec<u8> {
        let [a, b, c] = &frame.parts;
        Frame::encode(frame.kind, frame.run, frame.tag, frame.status, [a, b, c]).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_the_stream_ends_between_frames() {
        let other = Frame::bare(Kind::Stop, u64::MAX);
        let stream = [bytes(&sample()), bytes(&other)].concat();
        let mut from = stream.as_slice();
        assert_eq!(Frame::read(&mut from).unwrap(), Some(sample()));
        assert_eq!(Frame::read(&mut from).unwrap(), Some(other));
        assert!(Frame::read(&mut from).unwrap().is_none());
    }

    #[test]
    fn a_frame_cut_anywhere_is_an_error() {
        let whole = bytes(&sample());
        for cut in 1..whole.len() {
            assert!(Frame::read(&mut &whole[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        let mut long = bytes(&sample());
        long[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Frame::read(&mut long.as_slice()), Err(FrameError::TooLong(_))));
        let mut parts = bytes(&sample());
        parts[4 + 21..4 + 25].copy_from_slice(&100u32.to_le_bytes());
        assert!(matches!(Frame::read(&mut parts.as_slice()), Err(FrameError::Lengths)));
        let mut kind = bytes(&sample());
        kind[4] = 99;
        assert!(matches!(Frame::read(&mut kind.as_slice()), Err(FrameError::UnknownKind(99))));
        let huge = vec![0; LARGEST];
        assert!(matches!(Frame::encode(Kind::Emit, 0, 0, 0, [&huge, &[], &[]]), Err(FrameError::TooLong(_))));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_frames_or_an_error(bytes: Vec<u8>) {
            let mut from = bytes.as_slice();
            while let Ok(Some(frame)) = Frame::read(&mut from) {
                let [a, b, c] = &frame.parts;
                Frame::encode(frame.kind, frame.run, frame.tag, frame.status, [a, b, c]).unwrap();
            }
        }

        #[test]
        fn every_frame_survives(run: u64, tag: u64, status: i32, a: Vec<u8>, b: Vec<u8>, c: Vec<u8>) {
            let written = Frame::encode(Kind::Submit, run, tag, status, [&a, &b, &c]).unwrap();
            let read = Frame::read(&mut written.as_slice()).unwrap();
            assert_eq!(read, Some(Frame { kind: Kind::Submit, run, tag, status, parts: [a, b, c] }));
        }
    }

    #[test]
    fn an_announced_length_reserves_nothing() {
        // Much announced, one byte sent.
        let mut bytes = u32::try_from(LARGEST).unwrap().to_le_bytes().to_vec();
        bytes.push(0);
        assert!(matches!(Frame::read(&mut bytes.as_slice()), Err(FrameError::Cut)));
    }
}
