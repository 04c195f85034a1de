/* eslint-disable jsx-a11y/no-redundant-roles, jsx-a11y/no-interactive-element-to-noninteractive-role --
   a narrow window shows the rows as cards, and `display: block` takes a table's roles away in some browsers:
   stated, they stay. */
import type { User } from '../api/schema';
import styles from './UserTable.module.css';

// The system and the people who use it are in Japan. The Swedish form is the ISO one: 2026-01-31 09:05.
const japanTime = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Asia/Tokyo',
  dateStyle: 'short',
  timeStyle: 'short',
});

const HEADINGS = ['Name', 'Email', 'Role', 'Department', 'Updated (JST)'];

/** An address that may wrap before its @, where it would otherwise break anywhere. */
function EmailLink({ email }: { email: string }) {
  const at = email.lastIndexOf('@');
  return (
    <a href={`mailto:${email}`}>
      {email.slice(0, at)}
      <wbr />
      {email.slice(at)}
    </a>
  );
}

function UserRow({ user }: { user: User }) {
  return (
    <tr role="row" className={styles.row}>
      <th role="rowheader" scope="row" className={styles.name}>
        {user.name}
      </th>
      <td role="cell" className={styles.email}>
        <EmailLink email={user.email} />
      </td>
      <td role="cell">
        <span className={`${styles.role} ${styles[user.role] ?? ''}`}>{user.role}</span>
      </td>
      <td role="cell" className={user.department ? undefined : styles.empty} data-label="Department">
        {user.department || '—'}
      </td>
      <td role="cell" className={styles.updated} data-label="Updated">
        <time dateTime={user.updatedAt.toISOString()}>{japanTime.format(user.updatedAt)}</time>{' '}
        <span className={styles.by}>by {user.updatedBy}</span>
      </td>
    </tr>
  );
}

/** The users as a table; in a narrow window each row is a card. */
export function UserTable({ users }: { users: User[] }) {
  return (
    <table role="table" className={styles.table}>
      <caption className="visually-hidden">Users</caption>
      <thead role="rowgroup" className={styles.head}>
        <tr role="row">
          {HEADINGS.map((heading) => (
            <th key={heading} role="columnheader" scope="col">
              {heading}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {users.map((user) => (
          <UserRow key={user.id} user={user} />
        ))}
      </tbody>
    </table>
  );
}
