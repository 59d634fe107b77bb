//! What the writer asked of the system, read from the output of `strace`.
//!
//! Rely on this: every call that changes a file under the folder of the test is in the list, in
//! order, with its bytes; a call that is not understood stops the test instead of being left out.
//!
//! Deliberately absent: what a power cut makes of it (see [`disk`](crate::disk)).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use forewarn_tests::own_program;

use crate::plan::Mark;

/// A file, whatever it is called at the moment.
pub(crate) type Inode = usize;

/// One change of a disk, or something that the writer said. Paths are below the traced folder.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Create { inode: Inode, path: PathBuf },
    MakeFolder { path: PathBuf },
    Rename { inode: Inode, from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
    Write { inode: Inode, at: usize, bytes: Vec<u8> },
    Resize { inode: Inode, bytes: usize },
    Sync { inode: Inode, is_data_only: bool },
    SyncFolder { path: PathBuf },
    Say(Mark),
}

/// One run of the writer.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// The appends that it makes.
    pub(crate) appends: Range<u64>,
    /// `close` or `stop`.
    pub(crate) end: &'static str,
}

/// How the writer is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script<'a> {
    pub(crate) strace: &'a Path,
    /// What is there before, see [`lay_out`]; it stands at the beginning of the recording.
    pub(crate) start: &'a [Op],
    /// `sound`, or a planted bug of the writer.
    pub(crate) how: &'a str,
    pub(crate) lives: &'a [Life],
    /// Another planted bug: syncs claim success and do nothing.
    pub(crate) are_syncs_swallowed: bool,
}

/// Runs the writer one life after the other, and reads what it did. Where nothing is laid out, the
/// folder of the spool lies two levels below anything that is there.
pub(crate) fn record(script: Script<'_>) -> Vec<Op> {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().canonicalize().unwrap().join("disk");
    std::fs::create_dir(&disk).unwrap();
    lay_out(&disk, script.start);
    let mut reader = Reader::new(&disk, script.start);
    for life in script.lives {
        let trace = folder.path().join("trace");
        let output = run(script, life, (&disk.join(SPOOL), &trace));
        let said = reader.said;
        reader.read(&trace);
        let told = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(reader.said - said, told, "lines of the writer are missing in the trace");
    }
    reader.ops
}

/// Makes the folders and files of a state in an empty folder.
pub(crate) fn lay_out(disk: &Path, state: &[Op]) {
    let mut made = BTreeMap::new();
    for op in state {
        match op {
            Op::MakeFolder { path } => std::fs::create_dir(disk.join(path)).unwrap(),
            Op::Create { inode, path } => {
                made.insert(*inode, disk.join(path));
            }
            Op::Write { inode, at: 0, bytes } => std::fs::write(&made[inode], bytes).unwrap(),
            Op::Sync { .. } | Op::SyncFolder { .. } | Op::Say(_) => {}
            other => panic!("no part of a state: {other:?}"),
        }
    }
}

/// Whether programs may be traced here: some containers forbid it.
pub(crate) fn may_trace(strace: &Path) -> bool {
    let probe = Command::new(strace).args(["-o", "/dev/null", "true"]).output();
    probe.is_ok_and(|it| it.status.success())
}

fn run(script: Script<'_>, life: &Life, (spool, trace): (&Path, &Path)) -> Output {
    let mut command = Command::new(script.strace);
    command.args(["-f", "-qq", "-xx", "-s", "1048576", "-e", "signal=none", "-e", TRACED]);
    if script.are_syncs_swallowed {
        command.args(["-e", "inject=fsync,fdatasync:retval=0"]);
    }
    command.arg("-o").arg(trace).arg(own_program("spool-writer")).arg(spool);
    let Range { start, end } = life.appends;
    command.args([script.how, &start.to_string(), &(end - start).to_string(), life.end]);
    // A writer that stops as if killed leaves its own scratch behind.
    command.env("TMPDIR", trace.parent().unwrap());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Follows descriptors and names through the trace.
struct Reader {
    disk: PathBuf,
    inodes: BTreeMap<PathBuf, Inode>,
    folders: BTreeSet<PathBuf>,
    inodes_made: Inode,
    opened: BTreeMap<i64, Opened>,
    ops: Vec<Op>,
    said: usize,
}

#[derive(Clone, Debug)]
enum Opened {
    File {
        inode: Inode,
        at: usize,
    },
    Folder {
        path: PathBuf,
    },
    /// The index of SQLite's log: memory that has a name. It is built anew after a power cut.
    Shared,
}

impl Reader {
    fn new(disk: &Path, start: &[Op]) -> Self {
        let mut reader = Self {
            disk: disk.to_owned(),
            inodes: BTreeMap::new(),
            folders: BTreeSet::from([PathBuf::new()]),
            inodes_made: 0,
            opened: BTreeMap::new(),
            ops: start.to_vec(),
            said: 0,
        };
        for op in start {
            if let Op::Create { inode, path } = op {
                reader.inodes.insert(path.clone(), *inode);
                reader.inodes_made = reader.inodes_made.max(inode + 1);
            } else if let Op::MakeFolder { path } = op {
                reader.folders.insert(path.clone());
            }
        }
        reader
    }

    fn read(&mut self, trace: &Path) {
        self.opened.clear();
        let text = std::fs::read_to_string(trace).unwrap();
        for line in text.lines() {
            let (_pid, rest) = line.split_once(' ').unwrap();
            let call = Call::read(rest.trim_start());
            if let Some(call) = call.filter(|it| 0 <= it.result) {
                self.take(&call);
            }
        }
    }

    fn take(&mut self, call: &Call<'_>) {
        match call.name {
            "open" | "openat" | "creat" => self.take_open(call),
            "mkdir" | "mkdirat" | "unlink" | "unlinkat" | "rename" | "renameat" | "renameat2" => {
                self.take_name(call);
            }
            "openat2" | "truncate" | "copy_file_range" | "sendfile" | "splice" | "sync"
            | "rmdir" | "link" | "linkat" | "symlink" | "symlinkat" | "io_uring_setup"
            | "io_uring_enter" => {
                panic!("not understood: {call:?}")
            }
            "write" if call.descriptor() == 1 => {
                let text = String::from_utf8(call.bytes(1)).unwrap();
                self.said += text.lines().count();
                self.ops.extend(text.lines().map(|it| Op::Say(it.parse().unwrap())));
            }
            _ => self.take_descriptor(call),
        }
    }

    fn take_open(&mut self, call: &Call<'_>) {
        let Some(path) = self.inside(&call.path(usize::from(call.name == "openat"))) else {
            return;
        };
        let has = |flag: &str| call.arguments.iter().any(|it| it.split('|').any(|it| it == flag));
        assert!(!has("O_APPEND") && !has("O_TMPFILE"), "not understood: {call:?}");
        let opened = if path.to_string_lossy().ends_with("-shm") {
            Opened::Shared
        } else if self.folders.contains(&path) {
            Opened::Folder { path }
        } else if let Some(inode) = self.inodes.get(&path).copied() {
            if has("O_TRUNC") {
                self.ops.push(Op::Resize { inode, bytes: 0 });
            }
            Opened::File { inode, at: 0 }
        } else {
            assert!(has("O_CREAT") || call.name == "creat", "where is it from? {call:?}");
            let inode = self.inodes_made;
            self.inodes_made += 1;
            self.inodes.insert(path.clone(), inode);
            self.ops.push(Op::Create { inode, path });
            Opened::File { inode, at: 0 }
        };
        self.opened.insert(call.result, opened);
    }

    fn take_name(&mut self, call: &Call<'_>) {
        let is_at = call.name.contains("at");
        let Some(path) = self.inside(&call.path(usize::from(is_at))) else { return };
        if path.to_string_lossy().ends_with("-shm") {
            return;
        }
        if call.name.starts_with("mkdir") {
            self.folders.insert(path.clone());
            self.ops.push(Op::MakeFolder { path });
        } else if call.name.starts_with("unlink") {
            self.inodes.remove(&path).unwrap();
            self.ops.push(Op::Remove { path });
        } else {
            let to = self.inside(&call.path(if is_at { 3 } else { 1 })).unwrap();
            let inode = self.inodes.remove(&path).unwrap();
            self.inodes.insert(to.clone(), inode);
            self.ops.push(Op::Rename { inode, from: path, to });
        }
    }

    fn take_descriptor(&mut self, call: &Call<'_>) {
        let Some(opened) = self.opened_by(call) else { return };
        match (call.name, opened) {
            ("close", _) => {
                self.opened.remove(&call.descriptor());
            }
            ("fcntl", opened) => {
                if call.arguments[1].starts_with("F_DUPFD") {
                    self.opened.insert(call.result, opened);
                }
            }
            (_, Opened::Shared) => {}
            ("mmap", Opened::File { .. }) => {
                let [protection, flags] = [call.arguments[2], call.arguments[3]];
                let is_written = protection.contains("PROT_WRITE") && flags.contains("MAP_SHARED");
                assert!(!is_written, "a file is written past the system: {call:?}");
            }
            ("lseek", Opened::File { inode, .. }) => {
                let at = usize::try_from(call.result).unwrap();
                self.opened.insert(call.descriptor(), Opened::File { inode, at });
            }
            ("write", Opened::File { inode, at }) => {
                let bytes = call.written();
                let behind = at + bytes.len();
                self.ops.push(Op::Write { inode, at, bytes });
                self.opened.insert(call.descriptor(), Opened::File { inode, at: behind });
            }
            ("pwrite64", Opened::File { inode, .. }) => {
                self.ops.push(Op::Write { inode, at: call.number(3), bytes: call.written() });
            }
            ("ftruncate", Opened::File { inode, .. }) => {
                self.ops.push(Op::Resize { inode, bytes: call.number(1) });
            }
            // An injected result means that the system never saw the call.
            ("fsync" | "fdatasync", _) if call.is_injected => {}
            ("fsync" | "fdatasync", Opened::File { inode, .. }) => {
                self.ops.push(Op::Sync { inode, is_data_only: call.name == "fdatasync" });
            }
            ("fsync" | "fdatasync", Opened::Folder { path }) => {
                self.ops.push(Op::SyncFolder { path });
            }
            (_, opened) => panic!("not understood, on {opened:?}: {call:?}"),
        }
    }

    fn opened_by(&self, call: &Call<'_>) -> Option<Opened> {
        let place = if call.name == "mmap" { 4 } else { 0 };
        let descriptor: i64 = call.arguments.get(place)?.parse().ok()?;
        self.opened.get(&descriptor).cloned()
    }

    fn inside(&self, path: &Path) -> Option<PathBuf> {
        assert!(path.is_absolute(), "relative to what? {}", path.display());
        path.strip_prefix(&self.disk).ok().map(Path::to_path_buf)
    }
}

/// One line of the trace: `name(argument, …) = result`. Texts are `"\x61\x62"`.
#[derive(Debug)]
struct Call<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    result: i64,
    is_injected: bool,
}

impl<'a> Call<'a> {
    /// `None` for lines on the end of a process.
    fn read(line: &'a str) -> Option<Self> {
        if line.starts_with("+++") || line.starts_with("---") {
            return None;
        }
        // The writer has one thread, so nothing can come between a call and its result.
        let shown: String = line.chars().take(200).collect();
        assert!(!line.contains("unfinished ..."), "not understood: {shown}");
        let (name, rest) = line.split_once('(').unwrap_or_else(|| panic!("no call: {shown}"));
        let (arguments, result) =
            rest.rsplit_once(" = ").unwrap_or_else(|| panic!("no result: {shown}"));
        let number = result.split(' ').next().unwrap_or_default();
        let result_number = number.strip_prefix("0x").map_or_else(
            || number.parse().unwrap_or(-1),
            |hex| i64::from_str_radix(hex, 16).unwrap_or(-1),
        );
        Some(Self {
            name,
            arguments: arguments.trim_end().strip_suffix(')')?.split(", ").collect(),
            result: result_number,
            is_injected: result.contains("INJECTED"),
        })
    }

    fn descriptor(&self) -> i64 {
        self.arguments[0].parse().unwrap_or(-1)
    }

    fn number(&self, place: usize) -> usize {
        self.arguments[place].parse().unwrap()
    }

    fn path(&self, place: usize) -> PathBuf {
        let is_plain = place == 0 || self.arguments[place - 1] == "AT_FDCWD";
        assert!(is_plain, "relative to a folder: {self:?}");
        PathBuf::from(String::from_utf8(self.bytes(place)).unwrap())
    }

    /// As many bytes as the system took.
    fn written(&self) -> Vec<u8> {
        let mut bytes = self.bytes(1);
        bytes.truncate(usize::try_from(self.result).unwrap());
        bytes
    }

    fn bytes(&self, place: usize) -> Vec<u8> {
        let text = self.arguments[place].strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        let text = text.unwrap_or_else(|| panic!("no whole text: {:?}", self.name));
        let digits = text.as_bytes().chunks_exact(4);
        digits.map(|it| hex(it[2]) << 4 | hex(it[3])).collect()
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        other => panic!("`{}` is no digit", char::from(other)),
    }
}

/// Where the spool lies below the traced folder.
pub(crate) const SPOOL: &str = "site/spool";

/// Everything that can change a file or a name, and what is needed to follow descriptors. A
/// question mark stands before each, because not every machine knows every call.
const TRACED: &str = "trace=?open,?openat,?openat2,?creat,?close,?dup,?dup2,?dup3,?fcntl,?lseek,\
    ?mmap,?write,?pwrite64,?writev,?pwritev,?pwritev2,?truncate,?ftruncate,?fallocate,\
    ?copy_file_range,?sendfile,?splice,?fsync,?fdatasync,?sync,?syncfs,?sync_file_range,\
    ?mkdir,?mkdirat,?rmdir,?unlink,?unlinkat,?rename,?renameat,?renameat2,?link,?linkat,\
    ?symlink,?symlinkat,?io_uring_setup,?io_uring_enter";
