import type { ReactNode } from 'react';
import styles from './Notice.module.css';

interface NoticeProps {
  title: string;
  /** `h1` where nothing else on the page has a heading. */
  heading?: 'h1' | 'h2';
  tone?: 'neutral' | 'danger';
  /** What the reader can do next: a link or a button. */
  action?: ReactNode;
  children: ReactNode;
}

/** Stands where the content would: nothing found, or something went wrong. */
export function Notice({ title, heading: Heading = 'h2', tone = 'neutral', action, children }: NoticeProps) {
  return (
    <section className={`${styles.notice} ${styles[tone]}`} role={tone === 'danger' ? 'alert' : undefined}>
      <Heading className={styles.title}>{title}</Heading>
      <p className={styles.text}>{children}</p>
      {action && <div className={styles.action}>{action}</div>}
    </section>
  );
}
