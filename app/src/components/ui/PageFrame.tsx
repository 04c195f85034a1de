import Link from 'next/link';
import type { ReactNode } from 'react';
import styles from './PageFrame.module.css';

function Logo() {
  return (
    <svg className={styles.logo} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="currentColor" />
      <path d="M9 16.5l5 5 9.5-11" fill="none" stroke="var(--on-accent)" strokeWidth="3.4" />
    </svg>
  );
}

/** The header and the column that every page stands in. */
export function PageFrame({ children }: { children: ReactNode }) {
  return (
    <>
      <a className={styles.skip} href="#main">
        Skip to content
      </a>
      <header className={styles.header}>
        <div className={styles.bar}>
          <Link className={styles.brand} href="/" prefetch={false}>
            <Logo />
            ProofLink
          </Link>
          <span className={styles.tagline}>Test evidence</span>
        </div>
      </header>
      <main id="main" className={styles.main} tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
