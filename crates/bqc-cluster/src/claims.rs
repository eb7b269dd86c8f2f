//! Who begins with what. A claim is a file that two cannot make, and only a hint: results decide.
//!
//! The claims of a shard are numbered. The first is made by whoever begins with it; another one follows when
//! the owner of the last has died, or is slower than it should be, and how often that was so is said with
//! the owner's name. Nothing is ever renamed or deleted, so
//! that no two takers can take from each other; an answer that is lost, or a content that is seen late,
//! costs time and no result.

use crate::lock;
use crate::policy::{Claim, Owner, Turn};
use bqc_store::Storage;
use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

/// Folder of the claims, with one for each pass in it.
pub(crate) const CLAIMS: &str = "claims";
/// What a claim says is no longer than this.
const MAX_BYTES: usize = 256;

/// The claims of one pass.
pub(crate) struct Claims<'a> {
    storage: &'a dyn Storage,
    folder: String,
    /// Our name.
    name: &'a str,
    known: Mutex<HashMap<usize, Claim>>,
}

impl<'a> Claims<'a> {
    /// Of the pass of this name.
    pub(crate) fn new(storage: &'a dyn Storage, pass: &[u8], name: &'a str) -> Claims<'a> {
        let digits: String = pass.iter().map(|byte| format!("{byte:02x}")).collect();
        Claims { storage, folder: format!("{CLAIMS}/{digits}"), name, known: Mutex::default() }
    }

    /// Makes room for claims.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        self.storage.make_folder(&self.folder)
    }

    /// What is known of a shard's claims.
    pub(crate) fn of(&self, shard: usize) -> Option<Claim> {
        lock(&self.known).get(&shard).cloned()
    }

    /// Looks which claims there are.
    pub(crate) fn look(&self, now: Duration) -> io::Result<()> {
        for name in self.storage.list(&self.folder)? {
            let numbers =
                name.split_once('.').and_then(|(shard, number)| Some((shard.parse().ok()?, number.parse().ok()?)));
            if let Some((shard, number)) = numbers {
                self.note(shard, number, None, now);
            }
        }
        Ok(())
    }

    fn note(&self, shard: usize, number: u32, owner: Option<Owner>, now: Duration) {
        let mut known = lock(&self.known);
        let is_new = known.get(&shard).is_none_or(|claim| claim.number < number);
        if is_new {
            known.insert(shard, Claim { number, owner, seen: now });
        }
    }

    /// All that have claimed a shard before its claim of this number, as far as that can be read.
    pub(crate) fn former_owners(&self, shard: usize, number: u32) -> impl Iterator<Item = String> {
        (0..number).filter_map(move |number| Some(self.read_owner(shard, number)?.name))
    }

    /// Reads who has made a shard's last claim, if that is not known yet.
    pub(crate) fn identify(&self, shard: usize) -> Option<Claim> {
        let claim = self.of(shard)?;
        if claim.owner.is_none()
            && let Some(owner) = self.read_owner(shard, claim.number)
            && let Some(known) = lock(&self.known).get_mut(&shard)
            && known.number == claim.number
        {
            known.owner = Some(owner);
        }
        self.of(shard)
    }

    fn read_owner(&self, shard: usize, number: u32) -> Option<Owner> {
        let bytes = self.storage.read_from(&self.path(shard, number), 0, MAX_BYTES).ok()?;
        // One that is not all there yet has no end.
        let line = String::from_utf8(bytes).ok()?;
        let (name, n_slow) = line.strip_suffix('\n')?.rsplit_once(' ')?;
        Some(Owner { name: name.into(), n_slow: n_slow.parse().ok()? })
    }

    /// Makes a claim. Whether it is ours.
    pub(crate) fn make(&self, shard: usize, turn: Turn, now: Duration) -> io::Result<bool> {
        let Turn { number, n_slow, .. } = turn;
        match self.storage.create(&self.path(shard, number)) {
            Ok(file) => {
                self.note(shard, number, Some(Owner { name: self.name.into(), n_slow }), now);
                // Without its owner's name it is a claim that lapses soon.
                _ = file.append(format!("{} {n_slow}\n", self.name).as_bytes());
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let owner = self.read_owner(shard, number);
                let is_ours = owner.as_ref().is_some_and(|owner| owner.name == self.name);
                self.note(shard, number, owner, now);
                Ok(is_ours)
            }
            Err(e) => Err(e),
        }
    }

    fn path(&self, shard: usize, number: u32) -> String {
        format!("{}/{shard}.{number}", self.folder)
    }
}
