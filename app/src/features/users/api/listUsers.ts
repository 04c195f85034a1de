import { asc, count, ilike, or, type SQL } from 'drizzle-orm';
import type { Database } from '@/lib/db';
import { type User, users } from './schema';
import { containsPattern, type UserListQuery } from './userListQuery';

export const PAGE_SIZE = 20;

export interface UserList {
  users: User[];
  total: number;
  /** The page that is shown: the last one, where the URL asks for one beyond it. */
  page: number;
  pageCount: number;
}

function matching(q: string): SQL | undefined {
  if (!q) return undefined;
  const pattern = containsPattern(q);
  return or(ilike(users.name, pattern), ilike(users.email, pattern));
}

export function pageOf(total: number, wanted: number): { page: number; pageCount: number } {
  const pageCount = Math.max(1, Math.ceil(total / PAGE_SIZE));
  return { page: Math.min(wanted, pageCount), pageCount };
}

/** Returns one page of the users whose name or email contains the text, by name. */
export async function listUsers(db: Database, { q, page: wanted }: UserListQuery): Promise<UserList> {
  const where = matching(q);
  const [counted] = await db.select({ total: count() }).from(users).where(where);
  const total = counted?.total ?? 0;
  const { page, pageCount } = pageOf(total, wanted);
  const rows = await db
    .select()
    .from(users)
    .where(where)
    // The id makes the order total, so that no row shows on two pages.
    .orderBy(asc(users.name), asc(users.id))
    .limit(PAGE_SIZE)
    .offset((page - 1) * PAGE_SIZE);
  return { users: rows, total, page, pageCount };
}
