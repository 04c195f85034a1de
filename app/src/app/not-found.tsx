import type { Metadata } from 'next';
import Link from 'next/link';
import { Notice } from '@/components/ui/Notice';

export const metadata: Metadata = { title: 'Page not found' };

export default function NotFound() {
  return (
    <Notice
      heading="h1"
      title="Page not found"
      action={
        <Link className="button" href="/" prefetch={false}>
          Go to the users
        </Link>
      }
    >
      Nothing is kept at this address.
    </Notice>
  );
}
