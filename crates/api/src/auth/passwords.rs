//! Passwords: which ones are taken, and how they are hashed and checked.
//!
//! Argon2id with 19 MiB, two passes and one lane: the least that OWASP's password storage cheat sheet
//! recommends for it. Hashing runs off the async threads and only a few at a time, since each takes its
//! 19 MiB. Which passwords are refused follows NIST SP 800-63B 5.1.1.2: short ones and known ones; no rule
//! about kinds of letters.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use forewarn_store::records::PasswordHash;
use tokio::sync::Semaphore;

use crate::problem::ApiError;

/// Hashes and checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE) }
    }
}

impl Passwords {
    /// Hashes a password that somebody chose.
    pub(crate) async fn hash(&self, name: &str, password: &str) -> Result<PasswordHash, ApiError> {
        if let Some(expected) = refusal(name, password) {
            return Err(ApiError::WeakPassword { expected });
        }
        let (salt, password) = (crate::secrets::random::<16>()?, password.to_owned());
        let hashing = move || {
            let salt = SaltString::encode_b64(&salt).expect("16 bytes are a salt");
            argon2().hash_password(password.as_bytes(), &salt).map(|it| it.to_string())
        };
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let hash = tokio::task::spawn_blocking(hashing).await.map_err(ApiError::Broken)?;
        Ok(PasswordHash(hash.expect("the parameters are constants that argon2 takes")))
    }

    /// Whether a password is the one of a hash. Without a hash the answer is no, after the same work, so
    /// that nobody learns by the time which accounts there are.
    pub(crate) async fn is_right(
        &self,
        password: &str,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, ApiError> {
        if LEN_MAX < password.chars().count() {
            return Ok(false);
        }
        let is_known = hash.is_some();
        let hash = hash.map_or_else(|| NOBODYS.to_owned(), |it| it.0.clone());
        let password = password.to_owned();
        let checking = move || {
            let parsed = argon2::PasswordHash::new(&hash).ok();
            parsed.is_some_and(|it| argon2().verify_password(password.as_bytes(), &it).is_ok())
        };
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let is_right = tokio::task::spawn_blocking(checking).await.map_err(ApiError::Broken)?;
        Ok(is_right && is_known)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constants that argon2 takes");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Why a password is not taken.
fn refusal(name: &str, password: &str) -> Option<&'static str> {
    let plain = password.to_lowercase();
    let mut letters: Vec<char> = plain.chars().collect();
    let count = letters.len();
    letters.sort_unstable();
    letters.dedup();
    // What is left of "Forewarn-2026!" once digits and signs are taken away.
    let bare: String = plain.chars().filter(|it| it.is_alphabetic()).collect();
    let name = name.to_lowercase();
    if !(LEN_MIN..=LEN_MAX).contains(&count) {
        return Some("a password of 8 to 128 letters is expected");
    }
    if letters.len() < DIFFERENT_MIN || is_a_row(&plain) || KNOWN.contains(&bare.as_str()) {
        return Some("this password is among the first that are guessed; choose another one");
    }
    if KNOWN.contains(&plain.as_str()) || (3 <= name.len() && plain.contains(&name)) {
        return Some("this password can be guessed from the name; choose another one");
    }
    None
}

/// Whether each letter is the neighbour of the one before, as in `12345678` or `hgfedcba`.
fn is_a_row(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|it| i64::from(u32::from(it))).collect();
    let steps: Vec<i64> = codes.windows(2).map(|it| it[1] - it[0]).collect();
    steps.iter().all(|it| *it == 1) || steps.iter().all(|it| *it == -1)
}

const LEN_MIN: usize = 8;
const LEN_MAX: usize = 128;
const DIFFERENT_MIN: usize = 4;

const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A person waits half a second behind others; a flood takes 76 MiB.
const AT_ONCE: usize = 4;

/// The hash of a password that nobody has, made with the parameters above.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
     Zm9yZXdhcm4tbm9ib2R5cw$Y4KzzIgUErd7/K7tAmABwA2eMCXmbCD25+kvB5hRRio";

/// Words that stand for whole families: digits and signs around them do not help.
const KNOWN: &[&str] = &[
    "abcabc",
    "abcdefgh",
    "admin",
    "adminadmin",
    "administrator",
    "asdfasdf",
    "asdfghjkl",
    "baseball",
    "changeme",
    "computer",
    "default",
    "demo",
    "dragon",
    "football",
    "forewarn",
    "iloveyou",
    "letmein",
    "login",
    "maintenance",
    "manager",
    "master",
    "monkey",
    "nimda",
    "operator",
    "password",
    "passwordpassword",
    "passw0rd",
    "p@ssw0rd",
    "pass",
    "princess",
    "qazwsx",
    "qazwsxedc",
    "qqww",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyui",
    "qwertyuiop",
    "root",
    "rootroot",
    "secret",
    "shadow",
    "sunshine",
    "superman",
    "system",
    "temp",
    "test",
    "testtest",
    "toor",
    "trustno",
    "user",
    "welcome",
    "woaini",
    "zxcvbn",
    "zxcvbnm",
    "aini",
    "mima",
    "guanli",
    "guanliyuan",
    "1q2w3e4r",
    "1qaz2wsx",
    "q1w2e3r4",
    "zaq12wsx",
    "5201314",
    "88888888",
    "11112222",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_guessed_first_are_refused_and_long_ones_of_any_letters_are_taken() {
        for password in [
            "short",
            "12345678",
            "hgfedcba",
            "aaaaaaaaaa",
            "abababab",
            "Password1!",
            "Forewarn-2026",
            "1q2w3e4r",
            "li-jun-2026",
            &"x y z w".repeat(30),
        ] {
            assert!(refusal("li-jun", password).is_some(), "{password} was taken");
        }
        for password in
            ["correct horse battery", "车间里的第三台铣床", "kR7-pm2q", "tok tok tik tak"]
        {
            assert_eq!(refusal("li-jun", password), None, "{password} was refused");
        }
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_a_salt_of_its_own_and_fits_only_its_password() {
        let passwords = Passwords::default();
        let one = passwords.hash("li", "correct horse").await.unwrap();
        let other = passwords.hash("li", "correct horse").await.unwrap();
        assert!(one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.0);
        assert_ne!(one, other);
        assert!(passwords.is_right("correct horse", Some(&one)).await.unwrap());
        assert!(!passwords.is_right("correct horsf", Some(&one)).await.unwrap());
        assert!(!passwords.is_right("correct horse", None).await.unwrap());
        assert!(argon2::PasswordHash::new(NOBODYS).is_ok(), "nobody's hash takes the same work");
    }
}
