/** What the user list is asked for, as its URL says it: `/?q=sato&page=2`. */
export interface UserListQuery {
  q: string;
  page: number;
}

export type SearchParams = Record<string, string | string[] | undefined>;

const MAX_QUERY_LENGTH = 100;

function first(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** Reads the URL's parameters. Anyone can type them, so whatever makes no sense becomes the default. */
export function parseUserListQuery(params: SearchParams): UserListQuery {
  // PostgreSQL refuses a text with a NUL in it.
  const q = first(params.q).replaceAll('\0', '').trim().slice(0, MAX_QUERY_LENGTH);
  const page = /^[1-9]\d{0,8}$/.test(first(params.page)) ? Number(first(params.page)) : 1;
  return { q, page };
}

/** The address of a list, without the parameters that have their default. */
export function userListHref({ q, page }: UserListQuery): string {
  const params = new URLSearchParams();
  if (q) params.set('q', q);
  if (page > 1) params.set('page', String(page));
  return params.size > 0 ? `/?${params}` : '/';
}

/** Matches the text anywhere; its own `%`, `_` and `\` stand for themselves. */
export function containsPattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
