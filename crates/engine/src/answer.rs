//! From a change of an episode to a decision about its ticket.

use forewarn_detect::Detection;
use forewarn_diagnose::EpisodeChange;
use forewarn_domain::anomaly::Anomaly;
use forewarn_domain::ticket::TicketDraft;

use crate::decision::Decision;
use crate::pipeline::Engine;

impl Engine {
    pub(crate) fn answer(
        &mut self,
        change: EpisodeChange,
        detection: &Detection,
    ) -> Option<Decision> {
        match change {
            EpisodeChange::Opened(id) => {
                let draft = Box::new(self.draft(id, 1, self.desk.trace.clone())?);
                self.desk.drafts.push(bare(&draft));
                let because = reason(detection, "nothing was open for it");
                Some(Decision::Open { draft, because })
            }
            EpisodeChange::Amended { id, .. } | EpisodeChange::Recurred(id) => {
                let place = self.desk.drafts.iter().position(|it| it.episode == id)?;
                let known = &self.desk.drafts[place];
                let draft = self.draft(id, known.revision + 1, known.evidence.trace.clone())?;
                if !forewarn_tickets::should_amend(&self.desk.drafts[place], &draft) {
                    return None;
                }
                self.desk.drafts[place] = bare(&draft);
                let because = reason(detection, "its ticket is open");
                Some(Decision::Amend { draft: Box::new(draft), because })
            }
            EpisodeChange::Muted { .. } => None,
            EpisodeChange::SetAside { stop } => match detection {
                Detection::Raised(anomaly) => {
                    Some(Decision::SetAside { stop, anomaly: Box::new(anomaly.clone()) })
                }
                Detection::Updated(_) | Detection::Cleared { .. } => None,
            },
            EpisodeChange::Cleared(episode) => {
                let at = self.desk.book.episode(episode)?.updated;
                Some(Decision::Cleared { episode, at })
            }
        }
    }
}

/// A draft as the desk keeps it to compare with: without the history, which is no news.
fn bare(draft: &TicketDraft) -> TicketDraft {
    let mut bare = draft.clone();
    bare.evidence.repairs.clear();
    bare
}

fn reason(detection: &Detection, why: &str) -> String {
    match detection {
        Detection::Raised(Anomaly { rule, channel, device, .. })
        | Detection::Updated(Anomaly { rule, channel, device, .. }) => {
            format!("rule {} v{} fired on {channel} of {device}; {why}", rule.id, rule.version)
        }
        Detection::Cleared { rule, channel, .. } => {
            format!("rule {} cleared on {channel}; {why}", rule.id)
        }
    }
}
