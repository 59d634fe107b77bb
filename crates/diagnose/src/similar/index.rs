//! Texts as weighted terms, and how alike a question is to each of them.
//!
//! Three blocks (letter groups, stems, notions), each TF-IDF with a damped count (1 + ln tf) and a
//! smoothed rarity ln((1 + n) / (1 + df)) + 1, as in Manning, Raghavan, Schütze, *Introduction to
//! Information Retrieval* (2008), 6.4; each block has length 1 before its share is applied. A new text
//! can be asked for at once; [`TermIndex::refresh`] weighs all texts again with the rarities of now.

use std::collections::HashMap;

use super::words::Features;

/// A sparse vector: term and weight, by rising term.
pub(super) type Vector = Vec<(u32, f32)>;

/// Texts by their terms.
#[derive(Clone, Debug, Default)]
pub(super) struct TermIndex {
    terms: HashMap<String, u32>,
    names: Vec<String>,
    /// In how many texts a term stands.
    spread: Vec<u32>,
    /// Damped counts of each text.
    counts: Vec<Vector>,
    vectors: Vec<Vector>,
    /// For each term the texts that hold it.
    postings: Vec<Vec<(u32, f32)>>,
}

impl TermIndex {
    /// Adds a text under the next number.
    pub(super) fn push(&mut self, features: &Features) {
        let counts = self.count(features);
        for (term, _) in &counts {
            if let Some(spread) = self.spread.get_mut(place(*term)) {
                *spread += 1;
            }
        }
        let vector = self.weigh(&counts);
        self.post(self.vectors.len(), &vector);
        self.counts.push(counts);
        self.vectors.push(vector);
    }

    /// Weighs every text again.
    pub(super) fn refresh(&mut self) {
        self.postings = vec![Vec::new(); self.names.len()];
        self.vectors = self.counts.iter().map(|it| self.weigh(it)).collect();
        for (text, vector) in std::mem::take(&mut self.vectors).into_iter().enumerate() {
            self.post(text, &vector);
            self.vectors.push(vector);
        }
    }

    /// A question as a vector; terms that no text holds say nothing.
    pub(super) fn question(&self, features: &Features) -> Vector {
        let mut counts = HashMap::new();
        for key in keys(features) {
            if let Some(term) = self.terms.get(&key) {
                *counts.entry(*term).or_insert(0_u32) += 1;
            }
        }
        self.weigh(&damped(counts))
    }

    /// Likeness of a question to every text, 0 to 1: the cosine.
    pub(super) fn likeness(&self, question: &Vector) -> Vec<f64> {
        let mut likeness = vec![0.0; self.vectors.len()];
        for (term, weight) in question {
            for (text, other) in self.postings.get(place(*term)).into_iter().flatten() {
                if let Some(sum) = likeness.get_mut(place(*text)) {
                    *sum += f64::from(*weight) * f64::from(*other);
                }
            }
        }
        likeness
    }

    /// Words and notions that a question shares with a text, with their part of the likeness,
    /// largest first. Letter groups are left out: nobody reads them.
    pub(super) fn shared(&self, question: &Vector, text: usize) -> Vec<(String, f64)> {
        let Some(vector) = self.vectors.get(text) else { return Vec::new() };
        let mut shared: Vec<(String, f64)> = question
            .iter()
            .filter_map(|(term, weight)| {
                let name = self.names.get(place(*term))?.strip_prefix(['s', 'n'])?;
                let found = vector.binary_search_by_key(term, |it| it.0).ok()?;
                Some((name.to_owned(), f64::from(*weight) * f64::from(vector.get(found)?.1)))
            })
            .collect();
        shared.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        shared
    }

    pub(super) fn vectors(&self) -> &[Vector] {
        &self.vectors
    }

    pub(super) fn terms_len(&self) -> usize {
        self.names.len()
    }

    fn count(&mut self, features: &Features) -> Vector {
        let mut counts = HashMap::new();
        for key in keys(features) {
            let term = match self.terms.get(&key) {
                Some(term) => *term,
                None => {
                    let term = number(self.names.len());
                    self.names.push(key.clone());
                    self.spread.push(0);
                    self.postings.push(Vec::new());
                    self.terms.insert(key, term);
                    term
                }
            };
            *counts.entry(term).or_insert(0_u32) += 1;
        }
        damped(counts)
    }

    fn weigh(&self, counts: &Vector) -> Vector {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 texts")]
        let texts = 1.0 + self.counts.len() as f32;
        let mut vector: Vector = counts
            .iter()
            .map(|(term, count)| {
                let spread = self.spread.get(place(*term)).copied().unwrap_or(0);
                #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^23 texts")]
                let rarity = (texts / (1.0 + spread as f32)).max(1.0).ln() + 1.0;
                (*term, count * rarity)
            })
            .collect();
        let mut squares = [0.0_f32; BLOCKS.len()];
        for (term, weight) in &vector {
            squares[self.block(*term)] += weight * weight;
        }
        let mut whole = 0.0;
        for (square, (_, share)) in squares.iter().zip(BLOCKS) {
            whole += if 0.0 < *square { share * share } else { 0.0 };
        }
        for (term, weight) in &mut vector {
            let block = self.block(*term);
            *weight *= BLOCKS[block].1 / (squares[block] * whole).sqrt();
        }
        vector
    }

    fn post(&mut self, text: usize, vector: &Vector) {
        for (term, weight) in vector {
            if let Some(posting) = self.postings.get_mut(place(*term)) {
                posting.push((number(text), *weight));
            }
        }
    }

    fn block(&self, term: u32) -> usize {
        let name = self.names.get(place(term)).map_or("", String::as_str);
        BLOCKS.iter().position(|(prefix, _)| name.starts_with(*prefix)).unwrap_or(0)
    }
}

fn keys(features: &Features) -> impl Iterator<Item = String> {
    let Features { letters, stems, notions } = features;
    let of = |prefix: char, keys: &[String]| -> Vec<String> {
        keys.iter().map(|it| format!("{prefix}{it}")).collect()
    };
    of('c', letters).into_iter().chain(of('s', stems)).chain(of('n', notions))
}

fn damped(counts: HashMap<u32, u32>) -> Vector {
    #[expect(clippy::cast_precision_loss, reason = "how often a term stands in one text")]
    let mut vector: Vector =
        counts.into_iter().map(|(term, count)| (term, 1.0 + (count as f32).ln())).collect();
    vector.sort_by_key(|it| it.0);
    vector
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn number(place: usize) -> u32 {
    u32::try_from(place).expect("far fewer than 2^32 terms and texts fit into memory")
}

/// Prefix and share of each block. The shares were chosen among eight mixes by cross-validation.
const BLOCKS: [(char, f32); 3] = [('c', 1.0), ('s', 0.5), ('n', 0.8)];
