import Link from 'next/link';
import styles from './UserSearch.module.css';

/** A plain GET form: it works before, and without, the page's JavaScript. */
export function UserSearch({ q }: { q: string }) {
  return (
    <form className={styles.search} action="/" role="search">
      <label className="visually-hidden" htmlFor="q">
        Name or email
      </label>
      <input
        // A new key, so that the field follows the URL when a link clears it.
        key={q}
        className={styles.field}
        id="q"
        name="q"
        type="search"
        defaultValue={q}
        maxLength={100}
        placeholder="Name or email"
        autoComplete="off"
        spellCheck={false}
      />
      <button className="button" type="submit">
        Search
      </button>
      {q && (
        <Link className={styles.clear} href="/" prefetch={false}>
          Clear
        </Link>
      )}
    </form>
  );
}
