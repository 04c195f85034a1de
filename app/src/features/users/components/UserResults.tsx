import Link from 'next/link';
import { Notice } from '@/components/ui/Notice';
import { Pagination } from '@/components/ui/Pagination';
import { PAGE_SIZE, type UserList } from '../api/listUsers';
import { userListHref } from '../api/userListQuery';
import styles from './UserResults.module.css';
import { UserTable } from './UserTable';

/** Says how many there are and which of them are shown. */
export function countText({ total, page, users }: UserList, q: string): string {
  const noun = total === 1 ? 'user' : 'users';
  const matching = q ? ` matching “${q}”` : '';
  if (total <= PAGE_SIZE) return `${total} ${noun}${matching}`;
  const from = (page - 1) * PAGE_SIZE + 1;
  return `${from}–${from + users.length - 1} of ${total} ${noun}${matching}`;
}

function NoUsers({ q }: { q: string }) {
  if (!q) {
    return <Notice title="No users yet">They appear here after the first user import.</Notice>;
  }
  return (
    <Notice
      title="No user matches"
      action={
        <Link className="button" href="/" prefetch={false}>
          Show all users
        </Link>
      }
    >
      Neither a name nor an email contains “{q}”.
    </Notice>
  );
}

export function UserResults({ list, q }: { list: UserList; q: string }) {
  if (list.total === 0) return <NoUsers q={q} />;
  return (
    <>
      <p className={styles.count}>{countText(list, q)}</p>
      <UserTable users={list.users} />
      <Pagination page={list.page} pageCount={list.pageCount} hrefFor={(page) => userListHref({ q, page })} />
    </>
  );
}
