use http_session::{JsonCodec, MemoryStore, Result, session_config};

#[session_config(codec = "json")]
struct CodecAsText;

#[session_config(resolver)]
struct NoResolver;

#[session_config(codec = String::new())]
struct NoCodec;

#[session_config(codec = JsonCodec::default(), codec = JsonCodec::default())]
struct Twice;

#[session_config(store = open, store = "memory:")]
struct TwoStores;

#[session_config(store = without_config)]
struct WrongSignature;

async fn open(_: &TwoStores) -> Result<MemoryStore> {
    Ok(MemoryStore::new())
}

async fn without_config() -> Result<MemoryStore> {
    Ok(MemoryStore::new())
}

fn main() {}
