from pcscf.cli import main

main()
