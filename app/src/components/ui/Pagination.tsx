import Link from 'next/link';
import styles from './Pagination.module.css';
import { pageWindow } from './pageWindow';

interface PaginationProps {
  page: number;
  pageCount: number;
  hrefFor: (page: number) => string;
}

function Step({ label, href }: { label: string; href: string | null }) {
  if (href === null) return <span className={`${styles.item} ${styles.off}`}>{label}</span>;
  return (
    <Link className={styles.item} href={href} prefetch={false}>
      {label}
    </Link>
  );
}

function Numbers({ page, pageCount, hrefFor }: PaginationProps) {
  return (
    <ol className={styles.numbers}>
      {pageWindow(page, pageCount).map((n, index) =>
        n === null ? (
          <li key={`gap-${index}`} className={styles.gap} aria-hidden="true">
            …
          </li>
        ) : (
          <li key={n}>
            <Link
              className={styles.item}
              href={hrefFor(n)}
              prefetch={false}
              aria-label={`Page ${n}`}
              aria-current={n === page ? 'page' : undefined}
            >
              {n}
            </Link>
          </li>
        ),
      )}
    </ol>
  );
}

/** Links to the other pages of a list; nothing where there is only one. */
export function Pagination({ page, pageCount, hrefFor }: PaginationProps) {
  if (pageCount <= 1) return null;
  return (
    <nav className={styles.pagination} aria-label="Pages">
      <Step label="Previous" href={page > 1 ? hrefFor(page - 1) : null} />
      <Numbers page={page} pageCount={pageCount} hrefFor={hrefFor} />
      <Step label="Next" href={page < pageCount ? hrefFor(page + 1) : null} />
    </nav>
  );
}
