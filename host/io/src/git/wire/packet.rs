//! Git's packet lines: four hexadecimal digits of length, then the bytes.

/// Largest packet, its length included.
const PACKET_LIMIT: usize = 65_520;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Bytes.
    Data(Vec<u8>),
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: the end of a section.
    Delimiter,
    /// `0002`: the end of an answer.
    End,
}

/// What came is no packet line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Cuts a stream of bytes into packets.
#[derive(Debug, Default)]
pub(super) struct Packets {
    // Never more than a chunk and the beginning of one packet.
    bytes: Vec<u8>,
    start: usize,
}

impl Packets {
    /// More bytes came.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(chunk);
    }

    /// The next whole packet, `None` when more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, Malformed> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let Some((head, body)) = rest.split_at_checked(4) else { return Ok(None) };
        let digits = std::str::from_utf8(head).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let length = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok()).ok_or(Malformed)?;
        let packet = match length {
            0 => Packet::Flush,
            1 => Packet::Delimiter,
            2 => Packet::End,
            3 => return Err(Malformed),
            _ if length > PACKET_LIMIT => return Err(Malformed),
            _ => match body.get(..length - 4) {
                Some(data) => Packet::Data(data.to_vec()),
                None => return Ok(None),
            },
        };
        self.start += length.max(4);
        Ok(Some(packet))
    }
}

/// A message that is being written.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// One line, as git writes text: with a line feed at its end.
    pub(super) fn line(mut self, text: &str) -> Self {
        debug_assert!(text.len() + 5 <= PACKET_LIMIT, "lines are bounded where they are made");
        self.0.extend_from_slice(format!("{:04x}{text}\n", text.len() + 5).as_bytes());
        self
    }

    /// One packet of text that has no line feed.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(format!("{:04x}{text}", text.len() + 4).as_bytes());
        self
    }

    /// `0001`.
    pub(super) fn delimiter(mut self) -> Self {
        self.0.extend_from_slice(b"0001");
        self
    }

    /// `0000`.
    pub(super) fn flush(mut self) -> Self {
        self.0.extend_from_slice(b"0000");
        self
    }

    /// Bytes as they are.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The bytes to send.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_whole_however_the_bytes_are_cut() {
        let bytes = Message::default().line("one").flush().line("two").delimiter().raw(b"0002").bytes();
        for size in 1..=bytes.len() {
            let (mut packets, mut found) = (Packets::default(), Vec::new());
            for chunk in bytes.chunks(size) {
                packets.feed(chunk);
                while let Some(packet) = packets.next().unwrap() {
                    found.push(packet);
                }
            }
            let data = |text: &str| Packet::Data(text.as_bytes().to_vec());
            assert_eq!(found, [data("one\n"), Packet::Flush, data("two\n"), Packet::Delimiter, Packet::End]);
        }
    }

    #[test]
    fn what_is_no_packet_is_said() {
        for bytes in [b"nope".as_slice(), b"0003", b"fff1", b"+005x", b"<htm"] {
            let mut packets = Packets::default();
            packets.feed(bytes);
            assert_eq!(packets.next(), Err(Malformed), "{bytes:?}");
        }
    }
}
