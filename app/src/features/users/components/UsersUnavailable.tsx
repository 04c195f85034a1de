import { Notice } from '@/components/ui/Notice';

interface UsersUnavailableProps {
  reason: 'unreachable' | 'not-migrated';
  /** The address to try again. */
  href: string;
}

const REASONS = {
  unreachable: {
    title: 'The user list is not available',
    text: 'The database could not be reached. It may be restarting, or stopped for the night. Nothing has been lost; the server log has the cause.',
  },
  'not-migrated': {
    title: 'The database is not set up yet',
    text: 'It answers, but it has no table of users: the migrations have not run.',
  },
};

export function UsersUnavailable({ reason, href }: UsersUnavailableProps) {
  const { title, text } = REASONS[reason];
  const retry = (
    <a className="button" href={href}>
      Try again
    </a>
  );
  return (
    <Notice tone="danger" title={title} action={retry}>
      {text}
    </Notice>
  );
}
