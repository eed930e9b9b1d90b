/** The first that runs, on whatever Node there is: here, and in what imports this, stands nothing that Node 12 cannot read. */

const OLDEST = 20

/** Runs `main` where the rest can be read at all; else says what to install, with status 1. */
export function begin(main) {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST) {
    main()
    return
  }
  console.error(
    `Berth is installed with Node ${OLDEST} or later, and this is ${process.version} (${process.execPath}). Install a newer one (https://nodejs.org/en/download) and try again; the Node 24 that Berth itself runs on comes with it.`,
  )
  process.exitCode = 1
}
