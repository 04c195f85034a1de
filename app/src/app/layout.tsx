import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { PageFrame } from '@/components/ui/PageFrame';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'ProofLink', template: '%s · ProofLink' },
  description: 'Test evidence, kept and found again.',
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <PageFrame>{children}</PageFrame>
      </body>
    </html>
  );
}
