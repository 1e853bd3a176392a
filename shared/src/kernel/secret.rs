//! Random tokens and the hashes we keep instead of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A fresh 256-bit token, URL-safe. Give it away once; keep [`sha256`] of it.
pub fn token() -> String {
    let mut bytes = [0_u8; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256. Enough for 256-bit random tokens; passwords get argon2id.
pub fn sha256(data: impl AsRef<[u8]>) -> Vec<u8> {
    Sha256::digest(data.as_ref()).to_vec()
}

/// HMAC-SHA-256. For what may hold a password: without the key nobody can try guesses against it.
pub fn keyed(key: &[u8], message: &[u8]) -> Vec<u8> {
    keyed_parts(key, &[message]).to_vec()
}

/// The same of a message in several parts, without copying them together.
pub fn keyed_parts(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The same, hexadecimal.
pub fn sign(key: &[u8], message: &str) -> String {
    hex::encode(keyed(key, message.as_bytes()))
}

/// Compares two strings in constant time.
pub fn same(a: &str, b: &str) -> bool {
    same_bytes(a.as_bytes(), b.as_bytes())
}

/// Compares bytes in constant time.
pub fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
