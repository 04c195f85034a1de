'use client';

import { Notice } from '@/components/ui/Notice';

interface ErrorPageProps {
  /** The digest is also in the server's log, where the cause stands. */
  error: Error & { digest?: string };
  reset: () => void;
}

export default function ErrorPage({ error, reset }: ErrorPageProps) {
  return (
    <Notice
      tone="danger"
      heading="h1"
      title="Something went wrong"
      action={
        <button className="button" type="button" onClick={reset}>
          Try again
        </button>
      }
    >
      The page could not be shown.{' '}
      {error.digest && `If it keeps happening, report the number ${error.digest}.`}
    </Notice>
  );
}
