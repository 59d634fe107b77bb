//! The last rows of numbers, oldest overwritten first.

use serde::{Deserialize, Serialize};

/// A ring of rows of equal width.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct History {
    width: usize,
    /// Place of the next row to write.
    next: usize,
    /// Rows ever written, up to the size of the ring.
    filled: usize,
    rows: Vec<f64>,
}

impl History {
    /// An empty ring for `depth` rows.
    pub(super) fn new(depth: usize, width: usize) -> Self {
        Self { width, next: 0, filled: 0, rows: vec![0.0; depth * width] }
    }

    pub(super) fn push(&mut self, row: &[f64]) {
        let at = self.next * self.width;
        self.rows[at..at + self.width].copy_from_slice(row);
        let depth = self.depth();
        self.next = if self.next + 1 == depth { 0 } else { self.next + 1 };
        self.filled = (self.filled + 1).min(depth);
    }

    /// The row written `ago` rows before the newest one.
    pub(super) fn back(&self, ago: usize) -> Option<&[f64]> {
        if self.filled <= ago {
            return None;
        }
        let depth = self.depth();
        let place = (self.next + depth - 1 - ago) % depth;
        self.rows.get(place * self.width..(place + 1) * self.width)
    }

    /// The oldest row, once the ring is full.
    pub(super) fn oldest(&self) -> Option<&[f64]> {
        self.back(self.depth() - 1)
    }

    /// Writes one signal's value into all rows.
    pub(super) fn flatten(&mut self, signal: usize, value: f64) {
        self.rows.iter_mut().skip(signal).step_by(self.width).for_each(|it| *it = value);
    }

    fn depth(&self) -> usize {
        self.rows.len() / self.width.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_gives_its_rows_back_newest_first() {
        let mut ring = History::new(3, 2);
        assert_eq!(ring.back(0), None);
        for row in 0..5 {
            ring.push(&[f64::from(row), -f64::from(row)]);
        }
        assert_eq!(ring.back(0), Some(&[4.0, -4.0][..]));
        assert_eq!(ring.oldest(), Some(&[2.0, -2.0][..]));
        ring.flatten(1, 7.0);
        assert_eq!(ring.back(1), Some(&[3.0, 7.0][..]));
    }
}
