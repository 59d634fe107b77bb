// Accounts, keys and sessions of `/api/v1`: their shapes and what may be asked of them.

import { change, end, send } from './client';
import type { Name } from './types';

/** From the one who may do most to the one who only looks. */
export const ROLES = ['admin', 'lead', 'process_engineer', 'maintainer', 'integrator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

export const SCOPES = ['read', 'tickets', 'ingest', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Null stands for all. */
export type Sites = string[] | null;

export interface Site {
  id: string;
  name: Name;
}

export interface Account {
  name: string;
  display_name: string;
  role: Role;
  sites: Sites;
  disabled: boolean;
  created_at: string;
  password_at: string;
  signed_in_at: string | null;
}

export interface NewAccount {
  name: string;
  display_name: string;
  role: Role;
  sites: Sites;
  password: string;
}

/** What is left out stays. */
export interface AccountChange {
  display_name?: string;
  role?: Role;
  sites?: Sites;
  disabled?: boolean;
  password?: string;
}

export interface Key {
  id: string;
  name: string;
  scopes: Scope[];
  sites: Sites;
  created_by: string;
  created_at: string;
  expires_at: string | null;
  used_at: string | null;
  revoked_at: string | null;
}

/** A key with its secret, for the only time. */
export interface MadeKey extends Key {
  key: string;
}

export interface NewKey {
  name: string;
  scopes: Scope[];
  sites: Sites;
  expires_at: string | null;
}

export interface OwnSession {
  id: string;
  current: boolean;
  address: string;
  program: string;
  opened_at: string;
  seen_at: string;
  expires_at: string;
}

export const addAccount = (account: NewAccount) => send<Account>('/accounts', account);

export const changeAccount = (name: string, wanted: AccountChange) =>
  change<Account>(`/accounts/${encodeURIComponent(name)}`, wanted);

export const addKey = (key: NewKey) => send<MadeKey>('/keys', key);

export const revokeKey = (id: string) => end(`/keys/${encodeURIComponent(id)}`);

export const endSession = (id: string) => end(`/sessions/${encodeURIComponent(id)}`);

/** The other sessions of the account end with the old password. */
export const changePassword = (words: { old: string; new: string }) => send<null>('/session/password', words);
