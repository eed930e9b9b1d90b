import NextAuth from 'next-auth'
import { sessionOptions } from '../../../../lib/http/session.ts'

type NextAuthRoute = (request: Request, route: { params: Promise<{ nextauth: string[] }> }) => Promise<Response>

const handler: NextAuthRoute = async (request, route) => await NextAuth(sessionOptions())(request, route)

export { handler as GET, handler as POST }
