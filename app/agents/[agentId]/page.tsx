import { AgentPage } from './agent-page.tsx'

export const metadata = { title: 'Agent' }

export default async function Page({ params }: { params: Promise<{ agentId: string }> }) {
  const { agentId } = await params
  return <AgentPage key={agentId} agentId={agentId} />
}
