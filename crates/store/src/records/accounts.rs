//! Accounts of people, and the setup token that makes the first of them.
//!
//! Rely on this: once there is an admin who can come in, there always is one; an account is disabled, never
//! deleted; whoever loses it or gets a new password is signed out everywhere in the same transaction; each
//! change is in the audit trail. Passwords come and go as hashes that do not show themselves.
//!
//! Deliberately absent: hashing and judging passwords (`forewarn-api`), sessions (`sessions.rs`).

use std::fmt;
use std::str::FromStr;

use forewarn_domain::id::PersonId;
use forewarn_domain::time::{Span, Time};
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, Deed};
use super::row::{parsed, time, time_opt};
use super::{Records, RecordsError, Sites, query, sessions};

/// What a person may do, in one word.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Everything, accounts and keys too.
    Admin,
    /// Connects other systems.
    Integrator,
    /// Runs the maintenance of a plant.
    Lead,
    /// Repairs.
    Maintainer,
    /// Knows what is normal, and makes rules of it.
    ProcessEngineer,
    /// Looks.
    Viewer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Admin,
        Self::Integrator,
        Self::Lead,
        Self::Maintainer,
        Self::ProcessEngineer,
        Self::Viewer,
    ];

    /// The word under which it is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Integrator => "integrator",
            Self::Lead => "lead",
            Self::Maintainer => "maintainer",
            Self::ProcessEngineer => "process_engineer",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        let known = Self::ALL.into_iter().find(|role| role.as_str() == word);
        known.ok_or_else(|| UnknownRole { word: word.to_owned() })
    }
}

/// A word that is no role.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{word}` is no role")]
pub struct UnknownRole {
    /// The word.
    pub word: String,
}

/// The hash of a password, in the PHC format. It does not show itself.
#[derive(Clone, Eq, PartialEq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// An account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// The name with which a person signs in; where the handbook knows the person, its id.
    pub name: PersonId,
    /// The name that others read.
    pub display: String,
    /// What the person may do.
    pub role: Role,
    /// Where.
    pub sites: Sites,
    /// Whether it is closed.
    pub is_disabled: bool,
    /// When it was made.
    pub created_at: Time,
    /// When its password was set.
    pub password_at: Time,
    /// When the person last signed in.
    pub signed_in_at: Option<Time>,
}

impl Account {
    /// Whether it can manage all accounts.
    fn is_admin(&self) -> bool {
        self.role == Role::Admin && self.sites == Sites::All && !self.is_disabled
    }
}

/// An account to be made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewAccount {
    /// The name with which the person signs in.
    pub name: PersonId,
    /// The name that others read.
    pub display: String,
    /// What the person may do.
    pub role: Role,
    /// Where.
    pub sites: Sites,
    /// The hash of its password.
    pub password: PasswordHash,
}

/// What is to be different; `None` stays.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccountChange {
    /// The name that others read.
    pub display: Option<String>,
    /// What the person may do.
    pub role: Option<Role>,
    /// Where.
    pub sites: Option<Sites>,
    /// Whether it is closed.
    pub is_disabled: Option<bool>,
    /// The hash of a new password.
    pub password: Option<PasswordHash>,
}

impl Records {
    /// Replaces the setup token; the one before is worth nothing from now on.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn set_setup_token(&self, token: &str, at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO setup_token (name, sha256, at) VALUES ('setup', $1, $2)
             ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, at = excluded.at",
        )
        .bind(sessions::hash(token))
        .bind(at.micros())
        .execute(&mut *tx)
        .await?;
        let deed = Deed::new("forewarn", "setup_token.set", "setup", json!({}));
        audit::append(&mut tx, &deed, at).await?;
        self.finish(tx).await
    }

    /// Whether an admin can come in; until then the setup token counts.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn has_admin(&self) -> Result<bool, RecordsError> {
        let mut connection = self.reader.acquire().await?;
        Ok(0 < admins_besides(&mut connection, "").await?)
    }

    /// Makes the first admin with the setup token, which is worth nothing afterwards; `false` when the
    /// token is not the one, is older than [`SETUP_TOKEN_LASTS`], or an admin is there.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn set_up(
        &self,
        token: &str,
        first: &NewAccount,
        at: Time,
    ) -> Result<bool, RecordsError> {
        let mut tx = self.begin().await?;
        let row = query("SELECT sha256, at FROM setup_token WHERE name = 'setup'")
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        // Comparing hashes tells nothing: nobody can choose the hash of a guess.
        let known: String = row.try_get("sha256")?;
        let is_old = SETUP_TOKEN_LASTS < at - time(&row, "at")?;
        if known != sessions::hash(token) || is_old || 0 < admins_besides(&mut tx, "").await? {
            return Ok(false);
        }
        query("DELETE FROM setup_token").execute(&mut *tx).await?;
        let first = NewAccount { role: Role::Admin, sites: Sites::All, ..first.clone() };
        insert(&mut tx, &first, ("setup", at)).await?;
        self.finish(tx).await?;
        Ok(true)
    }

    /// Makes an account.
    ///
    /// # Errors
    ///
    /// [`RecordsError::AccountTaken`].
    pub async fn add_account(
        &self,
        new: &NewAccount,
        by: &str,
        at: Time,
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        insert(&mut tx, new, (by, at)).await?;
        self.finish(tx).await
    }

    /// Changes an account of these sites.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownName`]; [`RecordsError::LastAdmin`] when nobody could manage accounts then.
    pub async fn change_account(
        &self,
        name: &str,
        change: &AccountChange,
        (by, at): (&str, Time),
    ) -> Result<Account, RecordsError> {
        let mut tx = self.begin().await?;
        let unknown = || RecordsError::UnknownName { what: "account", named: name.to_owned() };
        let known = find(&mut tx, name).await?.map(|(account, _)| account);
        let mut account = known.filter(|it| self.sites.cover(&it.sites)).ok_or_else(unknown)?;
        let was_admin = account.is_admin();
        apply(&mut account, change, at);
        let is_lost = was_admin && !account.is_admin();
        if is_lost && admins_besides(&mut tx, name).await? == 0 {
            return Err(RecordsError::LastAdmin { name: name.to_owned() });
        }
        update(&mut tx, &account, change, at).await?;
        if account.is_disabled || change.password.is_some() {
            sessions::end_all(&mut tx, name, "").await?;
        }
        let told = told(&account, change);
        audit::append(&mut tx, &Deed::new(by, "account.change", name, told), at).await?;
        self.finish(tx).await?;
        Ok(account)
    }

    /// Gives an account another password by its own wish; its other sessions end.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn set_own_password(
        &self,
        name: &str,
        password: &PasswordHash,
        (kept_secret, at): (&str, Time),
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query("UPDATE account SET password = $1, password_at = $2 WHERE name = $3")
            .bind(password.0.as_str())
            .bind(at.micros())
            .bind(name)
            .execute(&mut *tx)
            .await?;
        sessions::end_all(&mut tx, name, kept_secret).await?;
        audit::append(&mut tx, &Deed::new(name, "account.password", name, json!({})), at).await?;
        self.finish(tx).await
    }

    /// An account with the hash of its password.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn password_of(
        &self,
        name: &str,
    ) -> Result<Option<(Account, PasswordHash)>, RecordsError> {
        let mut connection = self.reader.acquire().await?;
        find(&mut connection, name).await
    }

    /// The accounts that are for these sites only, by name.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn accounts(&self) -> Result<Vec<Account>, RecordsError> {
        let rows = query("SELECT * FROM account ORDER BY name").fetch_all(&self.reader).await?;
        let mut accounts = rows.iter().map(account).collect::<Result<Vec<_>, _>>()?;
        accounts.retain(|it| self.sites.cover(&it.sites));
        Ok(accounts)
    }
}

fn apply(account: &mut Account, change: &AccountChange, at: Time) {
    if let Some(display) = &change.display {
        account.display.clone_from(display);
    }
    account.role = change.role.unwrap_or(account.role);
    if let Some(sites) = &change.sites {
        account.sites.clone_from(sites);
    }
    account.is_disabled = change.is_disabled.unwrap_or(account.is_disabled);
    if change.password.is_some() {
        account.password_at = at;
    }
}

fn told(account: &Account, change: &AccountChange) -> serde_json::Value {
    json!({
        "role": account.role.as_str(),
        "sites": account.sites,
        "disabled": account.is_disabled,
        "password": if change.password.is_some() { "set" } else { "as before" },
    })
}

async fn insert(
    tx: &mut AnyConnection,
    new: &NewAccount,
    (by, at): (&str, Time),
) -> Result<(), RecordsError> {
    let written = query(
        "INSERT INTO account (name, display, role, sites, password, created_at, password_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING",
    )
    .bind(new.name.as_str())
    .bind(new.display.as_str())
    .bind(new.role.as_str())
    .bind(new.sites.stored())
    .bind(new.password.0.as_str())
    .bind(at.micros())
    .execute(&mut *tx)
    .await?;
    if written.rows_affected() == 0 {
        return Err(RecordsError::AccountTaken { name: new.name.to_string() });
    }
    let detail = json!({"role": new.role.as_str(), "sites": new.sites});
    audit::append(tx, &Deed::new(by, "account.add", new.name.as_str(), detail), at).await
}

async fn update(
    tx: &mut AnyConnection,
    account: &Account,
    change: &AccountChange,
    at: Time,
) -> Result<(), RecordsError> {
    query(
        "UPDATE account SET display = $1, role = $2, sites = $3, password = COALESCE($4, password),
             password_at = $5,
             disabled_at = CASE WHEN $6 = 0 THEN NULL ELSE COALESCE(disabled_at, $8) END
         WHERE name = $7",
    )
    .bind(account.display.as_str())
    .bind(account.role.as_str())
    .bind(account.sites.stored())
    .bind(change.password.as_ref().map(|it| it.0.clone()))
    .bind(account.password_at.micros())
    .bind(i64::from(account.is_disabled))
    .bind(account.name.as_str())
    .bind(at.micros())
    .execute(tx)
    .await?;
    Ok(())
}

/// How many admins for all sites can come in, but for one of a name.
async fn admins_besides(tx: &mut AnyConnection, name: &str) -> Result<i64, RecordsError> {
    let row = query(
        "SELECT COUNT(*) AS admins FROM account
         WHERE role = 'admin' AND sites = '*' AND disabled_at IS NULL AND name <> $1",
    )
    .bind(name)
    .fetch_one(tx)
    .await?;
    Ok(row.try_get("admins")?)
}

async fn find(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<(Account, PasswordHash)>, RecordsError> {
    query("SELECT * FROM account WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?
        .map(|row| Ok((account(&row)?, PasswordHash(row.try_get("password")?))))
        .transpose()
}

pub(super) fn account(row: &AnyRow) -> Result<Account, RecordsError> {
    let sites: String = row.try_get("sites")?;
    Ok(Account {
        name: parsed(row, "name")?,
        display: row.try_get("display")?,
        role: parsed(row, "role")?,
        sites: Sites::read(&sites)?,
        is_disabled: time_opt(row, "disabled_at")?.is_some(),
        created_at: time(row, "created_at")?,
        password_at: time(row, "password_at")?,
        signed_in_at: time_opt(row, "signed_in_at")?,
    })
}

/// Long enough to type it in, too short to be found in a drawer.
pub const SETUP_TOKEN_LASTS: Span = Span::from_secs(30 * 60);
