from agw.cli import main

main()
