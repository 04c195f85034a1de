import type { Metadata } from 'next';
import { listUsers, type UserList } from '@/features/users/api/listUsers';
import {
  parseUserListQuery,
  type SearchParams,
  userListHref,
  type UserListQuery,
} from '@/features/users/api/userListQuery';
import { UserResults } from '@/features/users/components/UserResults';
import { UserSearch } from '@/features/users/components/UserSearch';
import { UsersUnavailable } from '@/features/users/components/UsersUnavailable';
import { database } from '@/lib/db';
import { databaseErrorData, isMissingTable } from '@/lib/databaseError';
import { logger } from '@/lib/logger';
import styles from './page.module.css';

export const dynamic = 'force-dynamic';
export const metadata: Metadata = { title: 'Users' };

type Loaded = { list: UserList } | { reason: 'unreachable' | 'not-migrated' };

async function loadUsers(query: UserListQuery): Promise<Loaded> {
  try {
    return { list: await listUsers(database(), query) };
  } catch (error) {
    logger.error('list users failed', databaseErrorData(error));
    return { reason: isMissingTable(error) ? 'not-migrated' : 'unreachable' };
  }
}

export default async function UsersPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const query = parseUserListQuery(await searchParams);
  const loaded = await loadUsers(query);
  return (
    <>
      <div className={styles.heading}>
        <h1>Users</h1>
        <UserSearch q={query.q} />
      </div>
      {'list' in loaded ? (
        <UserResults list={loaded.list} q={query.q} />
      ) : (
        <UsersUnavailable reason={loaded.reason} href={userListHref(query)} />
      )}
    </>
  );
}
