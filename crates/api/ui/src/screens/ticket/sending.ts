// Sends a command and says what became of it.
//
// A command names the revision that the person saw. When only the machine added evidence in the
// meantime, the person's intention stands and is sent again on the new revision; when people changed
// state or owner, both versions are shown instead.

import { useState } from 'preact/hooks';
import { newKey, Problem, read, sendCommand } from '../../api/client';
import type { Command, CommandWord, Ticket } from '../../api/types';

/** A command as it was sent, on what the person saw. */
export interface Sent {
  ticket: Ticket;
  command: Command;
  key: string;
}

export interface Failed {
  sent: Sent;
  problem: Problem;
}

/** A ticket to which evidence is added faster than this many tries is for a person to look at. */
const TRIES_MAX = 4;

export function useSending(ticket: Ticket, onTicket: (ticket: Ticket) => void) {
  const [busy, setBusy] = useState<CommandWord | null>(null);
  const [failed, setFailed] = useState<Failed | null>(null);

  const send = (sent: Sent) => {
    setFailed(null);
    setBusy(sent.command.command);
    deliver(sent, onTicket)
      .then(onTicket, (problem: Problem) => setFailed({ sent, problem }))
      .finally(() => setBusy(null));
  };
  return {
    busy,
    failed,
    choose: (command: Command) => send({ ticket, command, key: newKey() }),
    /** Without an answer the same intention goes again; after a refusal it is a new one on what is now. */
    again: ({ sent, problem }: Failed) =>
      send(problem.status === 0 ? sent : { ...sent, ticket, key: newKey() }),
    drop: () => setFailed(null),
  };
}

async function deliver(sent: Sent, onTicket: (ticket: Ticket) => void): Promise<Ticket> {
  let { ticket, key } = sent;
  for (let tries = 1; ; tries += 1) {
    try {
      return await sendCommand(ticket, sent.command, key);
    } catch (problem) {
      if (!(problem instanceof Problem) || ![409, 412].includes(problem.status)) throw problem;
      const newest = await read<Ticket>(`/tickets/${ticket.id}`);
      const isOnlyEvidence = newest.state === sent.ticket.state && newest.owner === sent.ticket.owner;
      if (problem.status !== 412 || !isOnlyEvidence || TRIES_MAX <= tries) {
        onTicket(newest);
        throw problem;
      }
      [ticket, key] = [newest, newKey()];
    }
  }
}
