//! What a power cut may leave of files: two models of a file system, and states drawn from them.
//!
//! Rely on this: what was synced is there; of what was not, any part may be. Within a page the
//! writes reach the disk in their order, and the cut falls between two of them; pages know nothing
//! of each other. In a quarter of the states a page is 512 bytes, the sector of an old disk.
//!
//! Deliberately absent: disks that claim to have synced and have not.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use forewarn_simulator::chance::Chance;

use crate::trace::{Inode, Op};

/// What a file system promises.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Model {
    /// As ext4 by default: names and sizes go through one journal in their order, and a sync that
    /// has something of its file in the journal takes everything before it along.
    Ordered,
    /// What POSIX says and no more: a sync is for one file's bytes and size; a name is there for
    /// sure when the folder that holds it was synced, and that folder's own name is.
    Strict,
}

/// A disk in use: what is there for sure, and what may be.
#[derive(Debug)]
pub(crate) struct Disk<'a> {
    model: Model,
    files: BTreeMap<Inode, Vec<u8>>,
    names: BTreeMap<PathBuf, Entry>,
    pending: Vec<Pending<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    File(Inode),
    Folder,
}

#[derive(Debug)]
enum Pending<'a> {
    Name(&'a Op),
    Resize { inode: Inode, bytes: usize },
    Write { inode: Inode, at: usize, bytes: &'a [u8] },
}

/// What one power cut leaves.
#[derive(Debug)]
pub(crate) struct State {
    files: BTreeMap<Inode, Vec<u8>>,
    names: BTreeMap<PathBuf, Entry>,
    /// How it was drawn, for people.
    pub(crate) fate: String,
    /// Names what was kept of what was pending.
    pub(crate) fingerprint: u64,
}

impl<'a> Disk<'a> {
    pub(crate) fn new(model: Model) -> Self {
        Self { model, files: BTreeMap::new(), names: BTreeMap::new(), pending: Vec::new() }
    }

    /// The system has carried out one call.
    pub(crate) fn take(&mut self, op: &'a Op) {
        match op {
            Op::Say(_) => {}
            Op::Create { .. } | Op::MakeFolder { .. } | Op::Rename { .. } | Op::Remove { .. } => {
                self.pending.push(Pending::Name(op));
            }
            Op::Resize { inode, bytes } => {
                self.pending.push(Pending::Resize { inode: *inode, bytes: *bytes });
            }
            Op::Write { inode, at, bytes } => {
                self.pending.push(Pending::Write { inode: *inode, at: *at, bytes });
            }
            Op::Sync { inode, is_data_only } => self.sync(*inode, *is_data_only),
            Op::SyncFolder { path } => match self.model {
                Model::Ordered => self.settle(|it| it.is_metadata()),
                Model::Strict => self.settle(|it| it.is_name_in(path)),
            },
        }
    }

    /// One of the states in which a power cut may leave this disk now.
    pub(crate) fn cut(&self, chance: Chance) -> State {
        let mut lot = Lot::draw(&self.pending, chance);
        let mut state = State {
            files: self.files.clone(),
            names: self.names.clone(),
            fate: lot.to_string(),
            fingerprint: 0,
        };
        let in_journal = self.pending.iter().filter(|it| it.is_metadata()).count();
        let journaled = lot.journaled(in_journal);
        let mut journal_place = 0;
        let mut kept = DefaultHasher::new();
        for (index, pending) in self.pending.iter().enumerate() {
            if let Pending::Write { inode, at, bytes } = pending {
                let page_bytes = lot.page_bytes;
                let kept_pieces = pieces(*at, bytes, page_bytes)
                    .filter(|(at, _)| lot.takes((*inode, at / page_bytes), index));
                for (at, piece) in kept_pieces {
                    write(state.files.entry(*inode).or_default(), at, piece);
                    (index, at).hash(&mut kept);
                }
                continue;
            }
            let is_kept = match self.model {
                Model::Ordered => journal_place < journaled,
                Model::Strict => lot.keeps_name(index),
            };
            journal_place += 1;
            if is_kept {
                index.hash(&mut kept);
                pending.settle(&mut state.files, &mut state.names);
            }
        }
        state.fingerprint = kept.finish();
        state
    }

    fn sync(&mut self, inode: Inode, is_data_only: bool) {
        if self.model == Model::Ordered {
            let known_bytes = self.files.get(&inode).map_or(0, Vec::len);
            let is_in_journal = self.pending.iter().any(|it| match it {
                Pending::Write { inode: other, at, bytes } => {
                    *other == inode && (!is_data_only || known_bytes < at + bytes.len())
                }
                Pending::Resize { inode: other, .. } => *other == inode,
                Pending::Name(
                    Op::Create { inode: other, .. } | Op::Rename { inode: other, .. },
                ) => *other == inode,
                Pending::Name(_) => false,
            });
            if is_in_journal {
                self.settle(|it| it.is_metadata());
            }
        }
        self.settle(|it| match it {
            Pending::Write { inode: other, .. } | Pending::Resize { inode: other, .. } => {
                *other == inode
            }
            Pending::Name(_) => false,
        });
    }

    /// What fits becomes certain, in its order.
    fn settle(&mut self, fits: impl Fn(&Pending<'_>) -> bool) {
        let mut left: Vec<Pending<'a>> = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            if !fits(&pending) {
                left.push(pending);
                continue;
            }
            if let Pending::Resize { inode, bytes } = pending {
                // What was written behind the new end and never reached the disk never will.
                left.iter_mut().for_each(|it| it.clip(inode, bytes));
            }
            pending.settle(&mut self.files, &mut self.names);
        }
        self.pending = left;
    }
}

impl Pending<'_> {
    fn is_metadata(&self) -> bool {
        !matches!(self, Pending::Write { .. })
    }

    fn is_name_in(&self, folder: &Path) -> bool {
        let Pending::Name(op) = self else { return false };
        let path = match op {
            Op::Create { path, .. } | Op::MakeFolder { path } | Op::Remove { path } => path,
            Op::Rename { to, .. } => to,
            _ => return false,
        };
        path.parent() == Some(folder)
    }

    fn clip(&mut self, of: Inode, end: usize) {
        if let Pending::Write { inode, at, bytes } = self
            && *inode == of
        {
            *bytes = &bytes[..bytes.len().min(end.saturating_sub(*at))];
        }
    }

    fn settle(&self, files: &mut BTreeMap<Inode, Vec<u8>>, names: &mut BTreeMap<PathBuf, Entry>) {
        match self {
            Pending::Write { inode, at, bytes } => {
                write(files.entry(*inode).or_default(), *at, bytes);
            }
            Pending::Resize { inode, bytes } => {
                files.entry(*inode).or_default().resize(*bytes, 0);
            }
            Pending::Name(Op::Create { inode, path }) => {
                names.insert(path.clone(), Entry::File(*inode));
            }
            Pending::Name(Op::MakeFolder { path }) => {
                names.insert(path.clone(), Entry::Folder);
            }
            Pending::Name(Op::Rename { inode, from, to }) => {
                names.remove(from);
                names.insert(to.clone(), Entry::File(*inode));
            }
            Pending::Name(Op::Remove { path }) => {
                names.remove(path);
            }
            Pending::Name(other) => unreachable!("no name: {other:?}"),
        }
    }
}

impl State {
    /// The calls that make this disk out of an empty one and sync it. What lies in a folder that
    /// lost its name is lost as well.
    pub(crate) fn into_ops(mut self) -> Vec<Op> {
        let mut folders = BTreeSet::from([PathBuf::new()]);
        let mut ops = Vec::new();
        for (path, entry) in self.names {
            if !path.parent().is_some_and(|it| folders.contains(it)) {
                continue;
            }
            match entry {
                Entry::Folder => {
                    folders.insert(path.clone());
                    ops.push(Op::MakeFolder { path });
                }
                Entry::File(inode) => {
                    let bytes = self.files.remove(&inode).unwrap_or_default();
                    ops.push(Op::Create { inode, path });
                    ops.push(Op::Write { inode, at: 0, bytes });
                    ops.push(Op::Sync { inode, is_data_only: false });
                }
            }
        }
        ops.extend(folders.into_iter().map(|path| Op::SyncFolder { path }));
        ops
    }
}

/// What is drawn once for a state.
#[derive(Debug)]
struct Lot {
    chance: Chance,
    fate: Fate,
    page_bytes: usize,
    dirty: Vec<(Inode, usize)>,
    writes_of: BTreeMap<(Inode, usize), usize>,
    /// How many writes of a page were asked for.
    asked: BTreeMap<(Inode, usize), usize>,
}

/// What became of the pages that were not synced.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// None was written.
    Lost,
    /// All were.
    Kept,
    /// This share of them, in percent; a few others in an older version.
    Share(usize),
    /// All but one, at this place among the dirty ones.
    AllBut(usize),
    /// Only one.
    Only(usize),
    /// What was asked for before this place in the order of the calls.
    Before(usize),
}

impl Lot {
    fn draw(pending: &[Pending<'_>], chance: Chance) -> Self {
        let page_bytes = if chance.named("page").index(4) == 0 { SECTOR_BYTES } else { PAGE_BYTES };
        let mut writes_of = BTreeMap::new();
        for it in pending {
            if let Pending::Write { inode, at, bytes } = it {
                for (at, _) in pieces(*at, bytes, page_bytes) {
                    *writes_of.entry((*inode, at / page_bytes)).or_insert(0) += 1;
                }
            }
        }
        let dirty: Vec<(Inode, usize)> = writes_of.keys().copied().collect();
        let place = chance.named("place");
        let fate = match chance.named("fate").index(8) {
            0 => Fate::Lost,
            1 => Fate::Kept,
            2 => Fate::Share(10),
            3 => Fate::Share(50),
            4 => Fate::Share(90),
            5 => Fate::AllBut(place.index(dirty.len())),
            6 => Fate::Only(place.index(dirty.len())),
            _ => Fate::Before(place.index(pending.len())),
        };
        Self { chance, fate, page_bytes, dirty, writes_of, asked: BTreeMap::new() }
    }

    /// Whether the next pending write of a page, which is call `index`, reached the disk.
    fn takes(&mut self, page: (Inode, usize), index: usize) -> bool {
        let versions = self.versions(page, index);
        let asked = self.asked.entry(page).or_insert(0);
        *asked += 1;
        *asked <= versions
    }

    /// How many of the pending writes of a page reached the disk; the one that asks is `index`.
    fn versions(&self, page: (Inode, usize), index: usize) -> usize {
        let all = self.writes_of[&page];
        let chance = self.chance.named("version").with(of(page.0)).with(of(page.1));
        let is_at = |place: usize| self.dirty.get(place) == Some(&page);
        let is_whole = match self.fate {
            Fate::Lost => return 0,
            Fate::Kept => true,
            Fate::Share(percent) => chance.index(100) < percent,
            Fate::AllBut(place) => !is_at(place),
            Fate::Only(place) if is_at(place) => true,
            Fate::Only(_) => return 0,
            Fate::Before(place) => return if index < place { all } else { 0 },
        };
        if is_whole { all } else { chance.named("older").index(all) }
    }

    /// How much of the journal reached the disk.
    fn journaled(&self, all: usize) -> usize {
        match self.fate {
            Fate::Lost => 0,
            Fate::Kept => all,
            _ => self.chance.named("journal").index(all + 1),
        }
    }

    fn keeps_name(&self, index: usize) -> bool {
        match self.fate {
            Fate::Lost => false,
            Fate::Kept => true,
            _ => self.chance.named("name").with(of(index)).index(2) == 0,
        }
    }
}

impl std::fmt::Display for Lot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { fate, page_bytes, dirty, .. } = self;
        write!(f, "{fate:?} of {} pages of {page_bytes} bytes", dirty.len())
    }
}

/// Cuts a write at the borders of pages.
fn pieces(at: usize, bytes: &[u8], page_bytes: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let end = at + bytes.len();
    let first_border = (at / page_bytes + 1) * page_bytes;
    let begins = std::iter::once(at).chain((first_border..end).step_by(page_bytes));
    begins.filter(move |it| *it < end).map(move |begin| {
        let border = ((begin / page_bytes + 1) * page_bytes).min(end);
        (begin, &bytes[begin - at..border - at])
    })
}

fn write(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

fn of(number: usize) -> u64 {
    u64::try_from(number).unwrap()
}

/// What the system writes back at once.
const PAGE_BYTES: usize = 4_096;

/// What a disk writes at once in any case.
const SECTOR_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_is_in_every_state_and_what_was_not_is_in_some() {
        let (name, page) = (PathBuf::from("file"), |fill: u8| vec![fill; PAGE_BYTES]);
        let ops = [
            Op::Create { inode: 0, path: name },
            Op::Write { inode: 0, at: 0, bytes: page(1) },
            Op::Sync { inode: 0, is_data_only: false },
            Op::SyncFolder { path: PathBuf::new() },
            Op::Write { inode: 0, at: 0, bytes: page(2) },
            Op::Write { inode: 0, at: PAGE_BYTES, bytes: page(3) },
        ];
        for model in [Model::Ordered, Model::Strict] {
            let found: BTreeSet<(u8, Option<u8>)> = states(&ops, model)
                .map(|state| {
                    let file = &state.files[&0];
                    (file[PAGE_BYTES - 1], file.get(PAGE_BYTES).copied())
                })
                .collect();
            let all = [(1, None), (1, Some(3)), (2, None), (2, Some(3))];
            assert!(all.iter().all(|it| found.contains(it)), "{model:?}: {found:?}");
            assert!(found.iter().all(|(first, _)| *first != 0), "{model:?}: {found:?}");
        }
    }

    #[test]
    fn a_name_needs_its_folder_synced_only_where_nothing_else_is_promised() {
        let ops = [
            Op::Create { inode: 0, path: PathBuf::from("file") },
            Op::Write { inode: 0, at: 0, bytes: vec![1] },
            Op::Sync { inode: 0, is_data_only: false },
        ];
        let has_lost_its_name = |model| states(&ops, model).any(|it| it.names.is_empty());
        assert!(!has_lost_its_name(Model::Ordered));
        assert!(has_lost_its_name(Model::Strict));
    }

    #[test]
    fn a_torn_write_leaves_whole_pages() {
        let ops = [Op::Write { inode: 0, at: 0, bytes: vec![7; 3 * PAGE_BYTES] }];
        let mut is_torn = false;
        for state in states(&ops, Model::Ordered) {
            let Some(file) = state.files.get(&0) else { continue };
            for sector in file.chunks(SECTOR_BYTES) {
                assert!(sector.iter().all(|byte| *byte == sector[0]));
            }
            is_torn |= file.contains(&0) && file.contains(&7);
        }
        assert!(is_torn);
    }

    fn states(ops: &[Op], model: Model) -> impl Iterator<Item = State> {
        let mut disk = Disk::new(model);
        ops.iter().for_each(|op| disk.take(op));
        (0..200).map(move |number| disk.cut(Chance::new(1).with(number)))
    }
}
