// Who the visitor is, for the API. These pages stand in for the main app: with an API that believes
// every user they make up a name, and otherwise they need a token of the app's.

import { rootURL } from './address.ts';

const USER = 'golive.user';
const TOKEN = 'golive.token';

/** What went wrong with a request, in the API's words. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A value that is kept in the browser; private windows may forget it at once. */
function kept(storage: () => Storage, key: string, make: () => string): string {
  try {
    const value = storage().getItem(key) || make();
    if (value) storage().setItem(key, value);
    return value;
  } catch {
    return make();
  }
}

/** The token that the app put into the fragment of the page's address, which no server sees; it is removed from there. */
function fromAddress(): string {
  const url = new URL(location.href);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const token = fragment.get('token') ?? '';
  if (!token) return '';
  fragment.delete('token');
  url.hash = fragment.toString();
  history.replaceState(history.state, '', url);
  return token;
}

let token: string | undefined;

/** The visitor's token; empty if the page has none. */
export function accountToken(): string {
  if (token !== undefined) return token;
  if (document.body.dataset.openApi === 'true') {
    token = `dev:${kept(() => localStorage, USER, () => `guest-${randomName()}`)}`;
    return token;
  }
  const given = fromAddress();
  if (given) setToken(given);
  return token ?? (token = kept(() => sessionStorage, TOKEN, () => ''));
}

/** Uses another token from now on. */
export function setToken(text: string): void {
  token = text.trim();
  try {
    sessionStorage.setItem(TOKEN, token);
  } catch {
    // It lasts as long as the page.
  }
}

function randomName(): string {
  return [...crypto.getRandomValues(new Uint8Array(6))].map((b) => (b % 36).toString(36)).join('');
}

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  body?: unknown;
  signal?: AbortSignal;
}

/** Sends a request to the API as the visitor, to a path below v1/. */
export async function request<T>(path: string, { method = 'GET', body, signal }: RequestOptions = {}): Promise<T> {
  const headers = new Headers({ Accept: 'application/json' });
  if (accountToken()) headers.set('Authorization', `Bearer ${accountToken()}`);
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  const response = await fetch(rootURL(`v1/${path}`), {
    method, headers, cache: 'no-store', signal: signal ?? AbortSignal.timeout(10_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({})) as { detail?: string };
    throw new RequestError(response.status, problem.detail ?? `HTTP ${response.status}`);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export interface Permission {
  allowed: boolean;
  reason_code: string;
  fallback_url: string | null;
}

/** Whether the visitor may go live; null if the app did not say who it is. */
export async function permission(): Promise<Permission | null> {
  if (!accountToken()) return null;
  try {
    return await request<Permission>('golive');
  } catch (error) {
    if (error instanceof RequestError && (error.status === 401 || error.status === 403)) return null;
    throw error;
  }
}

/** Why the visitor may not go live, in words for people. */
export function whyNot(p: Permission | null): string {
  if (!p) return 'Open this page from the app to go live: it tells us who you are.';
  return {
    DISABLED: 'Going live is switched off at the moment. Please try again later.',
    SPLIT: 'Going live is not open to everybody yet. It will come to you, too.',
    TARGETING_MATCH: 'Going live is not open to your account.',
  }[p.reason_code] ?? 'You cannot go live at the moment.';
}
