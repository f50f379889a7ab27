//! Snapshot files. A folder holds a chain: `0000.snapshot` with all pages, then
//! increments with the pages that changed. All numbers are 64-bit words of
//! this machine's byte order.
//!
//! ```text
//! header   magic, page size, pages of the region, sequence number,
//!          id of the file before, records, id of this file
//! index    page, checksum        for each record, ascending by page
//! data     the page's bytes      for each record
//! ```
//!
//! The id is a checksum of the header's other words and the index; each page
//! has its own, so that it can be checked when it is loaded. A file appears
//! under its name when it is complete and on the disk, not before.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MAGIC: u64 = u64::from_be_bytes(*b"uffdsnp2");
const HEADER: usize = 7;

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(sum: u64, word: u64) -> u64 {
    let mixed = (sum ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ mixed >> 32
}

/// Detects damage, not malice.
fn checksum(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(SEED, mix)
}

/// Of a page: eight sums side by side, because each step of one waits for the step
/// before it.
fn page_checksum(page: &[u8]) -> u64 {
    let mut sums = [SEED; 8];
    for part in page.chunks_exact(64) {
        for (sum, word) in sums.iter_mut().zip(words(part)) {
            *sum = mix(*sum, word);
        }
    }
    checksum(sums.into_iter())
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().expect("8 bytes")))
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

pub fn path(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(format!("{sequence:04}.snapshot"))
}

fn at(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

/// A snapshot that is being written. Dropped before it is complete, it leaves
/// nothing behind.
pub struct Writer {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    page_size: usize,
    header: [u64; HEADER],
    /// Page and checksum of each record.
    index: Vec<(u64, u64)>,
    complete: bool,
}

impl Writer {
    /// Begins a snapshot of these pages, ascending.
    pub fn create(
        folder: &Path,
        sequence: u64,
        before: u64,
        page_size: usize,
        pages: usize,
        records: &[usize],
    ) -> Result<Writer, String> {
        let target = path(folder, sequence);
        let temporary = target.with_extension("partial");
        let file = File::create(&temporary).map_err(|e| at(&temporary, e))?;
        Ok(Writer {
            file,
            temporary,
            target,
            page_size,
            header: [
                MAGIC,
                page_size as u64,
                pages as u64,
                sequence,
                before,
                records.len() as u64,
                0,
            ],
            index: records.iter().map(|&page| (page as u64, 0)).collect(),
            complete: false,
        })
    }

    /// Writes the records from `first` on, whose data is `data`.
    pub fn write(&mut self, first: usize, data: &[u8]) -> Result<(), String> {
        for (i, page) in data.chunks_exact(self.page_size).enumerate() {
            self.index[first + i].1 = page_checksum(page);
        }
        let offset = data_start(self.index.len()) + (first * self.page_size) as u64;
        self.file
            .write_all_at(data, offset)
            .map_err(|e| at(&self.temporary, e))
    }

    /// Puts it under its name, once it is on the disk. Returns its id.
    pub fn finish(mut self) -> Result<u64, String> {
        let index: Vec<u64> = self
            .index
            .iter()
            .flat_map(|&(page, sum)| [page, sum])
            .collect();
        let id = id(&self.header, &index);
        self.header[HEADER - 1] = id;
        let mut head = bytes(&self.header);
        head.extend(bytes(&index));
        let write = || -> io::Result<()> {
            // A snapshot of no page must have its whole length too.
            self.file.write_all_at(&head, 0)?;
            self.file.sync_all()?;
            fs::rename(&self.temporary, &self.target)?;
            File::open(self.target.parent().expect("it is in a folder"))?.sync_all()
        };
        write().map_err(|e| at(&self.target, e))?;
        self.complete = true;
        Ok(id)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.complete {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn data_start(records: usize) -> u64 {
    ((HEADER + 2 * records) * 8) as u64
}

fn id(header: &[u64; HEADER], index: &[u64]) -> u64 {
    checksum(header[..HEADER - 1].iter().chain(index).copied())
}

/// A snapshot that can be read: the newest record of each page, in whichever
/// file of the chain it is.
pub struct Chain {
    files: Vec<(PathBuf, File)>,
    page_size: usize,
    /// File, record and checksum of each page.
    pages: Vec<(u32, u32, u64)>,
}

impl Chain {
    /// Opens snapshot `sequence` and those it stands on, and checks that they
    /// are whole and belong together. The pages themselves are checked as
    /// they are loaded.
    pub fn open(folder: &Path, sequence: u64) -> Result<Chain, String> {
        let mut chain = Chain {
            files: Vec::new(),
            page_size: 0,
            pages: Vec::new(),
        };
        let mut before = 0;
        for number in 0..=sequence {
            let path = path(folder, number);
            before = chain.add(&path, number, before).map_err(|e| at(&path, e))?;
        }
        match chain.pages.iter().position(|page| page.0 == u32::MAX) {
            Some(page) => Err(at(&path(folder, 0), format!("page {page} is missing"))),
            None => Ok(chain),
        }
    }

    fn add(&mut self, path: &Path, number: u64, before: u64) -> Result<u64, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        let len = file.metadata().map_err(|e| e.to_string())?.len();
        let mut head = [0; HEADER * 8];
        let truncated = |expected: u64| format!("truncated: {len} bytes of {expected} or more");
        file.read_exact_at(&mut head, 0)
            .map_err(|_| truncated(head.len() as u64))?;
        let head: Vec<u64> = words(&head).collect();
        let header: [u64; HEADER] = head.try_into().expect("so many words");
        let [magic, page_size, pages, sequence, parent, records, own_id] = header;
        if magic != MAGIC {
            return Err("not a snapshot of this program and this machine's byte order".to_string());
        }
        // Before anything of the size it claims is allocated.
        let expected = records
            .checked_mul(16)
            .and_then(|index| index.checked_add(records.checked_mul(page_size)?))
            .and_then(|size| size.checked_add(HEADER as u64 * 8))
            .ok_or("damaged: the header makes no sense")?;
        if len != expected {
            return Err(if len < expected {
                truncated(expected)
            } else {
                format!("damaged: {len} bytes instead of {expected}")
            });
        }
        let mut index = vec![0; records as usize * 16];
        file.read_exact_at(&mut index, HEADER as u64 * 8)
            .map_err(|e| e.to_string())?;
        let index: Vec<u64> = words(&index).collect();
        if id(&header, &index) != own_id {
            return Err("damaged: header and index do not match their checksum".to_string());
        }
        if sequence != number || parent != before {
            return Err("does not belong to the snapshot before it".to_string());
        }
        if number == 0 {
            self.page_size = page_size as usize;
            self.pages = vec![(u32::MAX, 0, 0); pages as usize];
        }
        if (self.page_size, self.pages.len()) != (page_size as usize, pages as usize) {
            return Err("of another region than the snapshot before it".to_string());
        }
        for (record, entry) in index.chunks_exact(2).enumerate() {
            let page = self
                .pages
                .get_mut(entry[0] as usize)
                .ok_or("damaged: no such page")?;
            *page = (self.files.len() as u32, record as u32, entry[1]);
        }
        self.files.push((path.to_path_buf(), file));
        Ok(own_id)
    }

    pub fn page_size(&self) -> usize {
        self.page_size
    }

    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Loads pages from `first` on into the buffer: as many as fit, and lie
    /// together in one file. Returns how many.
    pub fn load(&self, first: usize, buffer: &mut [u8]) -> Result<usize, String> {
        let (file, record, _) = self.pages[first];
        let most = (buffer.len() / self.page_size).min(self.pages.len() - first);
        let together = |i: &usize| {
            self.pages[first + i].0 == file && self.pages[first + i].1 == record + *i as u32
        };
        let count = (0..most).take_while(together).count();
        let buffer = &mut buffer[..count * self.page_size];
        let (path, file) = &self.files[file as usize];
        let records = (file.metadata().map_err(|e| at(path, e))?.len() - HEADER as u64 * 8)
            / (16 + self.page_size as u64);
        let offset = data_start(records as usize) + u64::from(record) * self.page_size as u64;
        file.read_exact_at(buffer, offset)
            .map_err(|e| at(path, e))?;
        for (i, page) in buffer.chunks_exact(self.page_size).enumerate() {
            if page_checksum(page) != self.pages[first + i].2 {
                return Err(at(
                    path,
                    format!("damaged: page {} does not match its checksum", first + i),
                ));
            }
        }
        Ok(count)
    }
}

/// The number of the newest snapshot in a folder.
pub fn newest(folder: &Path) -> Result<u64, String> {
    match (0..)
        .take_while(|&number| path(folder, number).exists())
        .last()
    {
        Some(number) => Ok(number),
        None => Err(at(
            folder,
            "no snapshots here; make some with: snapshot save",
        )),
    }
}
