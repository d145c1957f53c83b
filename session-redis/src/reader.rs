use bytes::{Buf as _, BytesMut};
use redis::Value;

/// Reads a server's replies (RESP2) out of what arrives, in pieces of any size. Nothing is looked at twice but the piece
/// that was not whole.
///
/// redis-rs' own parser is the most that a read costs beside its system calls: `docs/bench.md` has both.
#[derive(Default)]
pub(crate) struct Reader {
    /// What has arrived and was not read yet.
    pub(crate) arrived: BytesMut,
    /// The lists that are not whole, the innermost last.
    lists: Vec<List>,
}

struct List {
    missing: usize,
    elements: Vec<Value>,
}

/// What has arrived is no reply: nothing that follows can be understood either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// No reply is as deep, and a value that is would be dropped by as many nested calls.
const DEEPEST: usize = 32;

/// A list says how long it is before its elements are there: more room than this is not taken on its word.
const FIRST_ROOM: usize = 1024;

impl Reader {
    /// The next reply, if it has arrived whole.
    pub(crate) fn next(&mut self) -> Result<Option<Value>, Unreadable> {
        while let Some(mut value) = self.element()? {
            loop {
                let Some(list) = self.lists.last_mut() else { return Ok(Some(value)) };
                list.elements.push(value);
                list.missing -= 1;
                if list.missing > 0 {
                    break;
                }
                value = Value::Array(self.lists.pop().map(|list| list.elements).unwrap_or_default());
            }
        }
        Ok(None)
    }

    /// The next value that is whole by itself: one within a list, or a reply.
    fn element(&mut self) -> Result<Option<Value>, Unreadable> {
        loop {
            let Some(end) = memchr::memchr(b'\n', &self.arrived) else { return Ok(None) };
            let [kind, line @ .., b'\r'] = &self.arrived[..end] else { return Err(Unreadable) };
            let after = end + 1;
            let value = match kind {
                b'$' => match length(line)? {
                    None => Value::Nil,
                    Some(length) => {
                        let Some(rest) = self.arrived[after..].get(..length + 2) else { return Ok(None) };
                        let [text @ .., b'\r', b'\n'] = rest else { return Err(Unreadable) };
                        let value = Value::BulkString(text.to_vec());
                        self.arrived.advance(after + length + 2);
                        return Ok(Some(value));
                    }
                },
                b'*' => match length(line)? {
                    None => Value::Nil,
                    Some(0) => Value::Array(Vec::new()),
                    Some(_) if self.lists.len() == DEEPEST => return Err(Unreadable),
                    Some(missing) => {
                        self.lists
                            .push(List { missing, elements: Vec::with_capacity(missing.min(FIRST_ROOM)) });
                        self.arrived.advance(after);
                        continue;
                    }
                },
                b':' => Value::Int(number(line)?),
                // Rare, and redis-rs knows the kinds of errors.
                b'+' | b'-' => redis::parse_redis_value(&self.arrived[..after]).map_err(|_| Unreadable)?,
                _ => return Err(Unreadable),
            };
            self.arrived.advance(after);
            return Ok(Some(value));
        }
    }
}

/// `None` is what stands for nothing.
fn length(text: &[u8]) -> Result<Option<usize>, Unreadable> {
    /// Redis' own limit of a text.
    const LONGEST: usize = 512 << 20;
    match number(text)? {
        -1 => Ok(None),
        length => match usize::try_from(length) {
            Ok(length) if length <= LONGEST => Ok(Some(length)),
            _ => Err(Unreadable),
        },
    }
}

fn number(text: &[u8]) -> Result<i64, Unreadable> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() {
        return Err(Unreadable);
    }
    let add = |number: i64, digit: &u8| {
        let digit = i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        number.checked_mul(10)?.checked_add(sign * digit)
    };
    digits.iter().try_fold(0, add).ok_or(Unreadable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All replies in this, arriving in pieces of this size; and what the first mistake leaves.
    fn read(text: &[u8], piece: usize) -> Result<Vec<Value>, Unreadable> {
        let mut reader = Reader::default();
        let mut replies = Vec::new();
        for piece in text.chunks(piece) {
            reader.arrived.extend_from_slice(piece);
            while let Some(reply) = reader.next()? {
                replies.push(reply);
            }
        }
        Ok(replies)
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn replies_are_read_whatever_the_pieces_that_they_arrive_in() {
        let all = b"$3\r\na\r\n\r\n*3\r\n:-7\r\n*2\r\n$0\r\n\r\n$-1\r\n*0\r\n+OK\r\n*-1\r\n:9223372036854775807\r\n";
        let expected = [
            text("a\r\n"),
            Value::Array(vec![
                Value::Int(-7),
                Value::Array(vec![text(""), Value::Nil]),
                Value::Array(vec![]),
            ]),
            Value::Okay,
            Value::Nil,
            Value::Int(i64::MAX),
        ];
        for piece in 1..=all.len() {
            assert_eq!(read(all, piece).as_deref(), Ok(&expected[..]), "{piece} bytes at a time");
        }
    }

    #[test]
    fn a_refusal_is_a_reply_as_any() {
        let replies = read(b"-MOVED 3999 127.0.0.1:6381\r\n:1\r\n", 1).unwrap();
        let [Value::ServerError(refusal), Value::Int(1)] = &replies[..] else { panic!("{replies:?}") };
        assert_eq!((refusal.code(), refusal.details()), ("MOVED", Some("3999 127.0.0.1:6381")));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let deep = "*1\r\n".repeat(DEEPEST + 1);
        let long = format!("${}\r\n", 1_u64 << 40);
        for wrong in [
            "HTTP/1.1 400 Bad Request\r\n",
            "\r\n",
            "$3\nabc\r\n",
            "$1\r\nabc\r\n",
            "$\r\n",
            "$-2\r\n",
            ":1x\r\n",
            ":9223372036854775808\r\n",
            &deep,
            &long,
        ] {
            assert_eq!(read(wrong.as_bytes(), wrong.len()), Err(Unreadable), "{wrong:?}");
        }
    }

    #[test]
    fn a_list_is_not_taken_at_its_word_for_how_long_it_is() {
        assert_eq!(read(b"*536870912\r\n:1\r\n", 100), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn it_reads_what_redis_rs_reads(
            values in proptest::collection::vec(value(), 1..5),
            piece in 1_usize..40,
        ) {
            let mut sent = Vec::new();
            values.iter().for_each(|value| write(value, &mut sent));
            let by_redis_rs: Vec<Value> = values.iter().map(|value| {
                let mut sent = Vec::new();
                write(value, &mut sent);
                redis::parse_redis_value(&sent).unwrap()
            }).collect();
            prop_assert_eq!(&by_redis_rs, &values);
            prop_assert_eq!(read(&sent, piece), Ok(by_redis_rs));
        }

        #[test]
        fn nothing_that_arrives_makes_it_panic(text in "[$*:+0-9a\r\n-]{0,60}", piece in 1_usize..60) {
            let _ = read(text.as_bytes(), piece);
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::BulkString);
        let leaf = prop_oneof![Just(Value::Nil), any::<i64>().prop_map(Value::Int), text];
        leaf.prop_recursive(3, 20, 6, |inner| proptest::collection::vec(inner, 0..6).prop_map(Value::Array))
    }

    fn write(value: &Value, to: &mut Vec<u8>) {
        match value {
            Value::Int(number) => to.extend_from_slice(format!(":{number}\r\n").as_bytes()),
            Value::BulkString(text) => {
                to.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
                to.extend_from_slice(text);
                to.extend_from_slice(b"\r\n");
            }
            Value::Array(values) => {
                to.extend_from_slice(format!("*{}\r\n", values.len()).as_bytes());
                values.iter().for_each(|value| write(value, to));
            }
            _ => to.extend_from_slice(b"$-1\r\n"),
        }
    }
}
