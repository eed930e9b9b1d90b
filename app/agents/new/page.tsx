import { NewAgentPage } from './new-agent-page.tsx'

export const metadata = { title: 'New agent' }

export default function Page() {
  return <NewAgentPage />
}
