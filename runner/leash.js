// Before anything of the app: it ends when the runner does, however that happens.
process.stdin.on('close', () => process.exit(1)).resume()
process.stdin.unref?.()
