/// How large a session may become. What exceeds a limit is refused by `insert` with
/// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge), and nothing of it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of an attribute's name. Default 256.
    pub name_bytes: usize,
    /// Bytes of one encoded attribute. Default 1 MiB.
    pub attribute_bytes: usize,
    /// Bytes of all names and encoded attributes together, as far as the request has loaded or written them.
    /// Default 4 MiB.
    pub session_bytes: usize,
    /// How many attributes a session may have, counted the same way. Default 1024.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { name_bytes: 256, attribute_bytes: 1 << 20, session_bytes: 4 << 20, attributes: 1024 }
    }
}
