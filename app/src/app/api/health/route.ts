export const dynamic = 'force-dynamic';
export { health as GET } from '@/features/health/api/health';
